// Lambda's Runtime API in a loop: asks for a call, hands it to the handler, posts the answer.
const { AWS_LAMBDA_RUNTIME_API: api } = process.env;
const base = `http://${api}/2018-06-01/runtime`;

export async function serve(handler) {
  for (;;) {
    const next = await fetch(`${base}/invocation/next`);
    const call = `${base}/invocation/${next.headers.get("lambda-runtime-aws-request-id")}`;
    try {
      const answer = await handler(await next.json());
      await fetch(`${call}/response`, { method: "POST", body: JSON.stringify(answer) });
    } catch (error) {
      const body = JSON.stringify({ errorType: error.name, errorMessage: error.message });
      await fetch(`${call}/error`, { method: "POST", body });
    }
  }
}
