// Evaluates JSONata expressions: a line with an expression in JSON comes in, a line with its value or its error goes out.
const jsonata = require("jsonata");
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", async (line) => {
  let answer;
  try {
    const value = await jsonata(JSON.parse(line)).evaluate(null);
    answer = { value: value === undefined ? null : value };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
});
