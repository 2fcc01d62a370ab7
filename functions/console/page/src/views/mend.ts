// The first step of a failure's solution as an address of this page, where there is one.
import type { Problem } from "../api";
import { can } from "../api";
import { to } from "../router";
import { idOf } from "../template";
import type { WorkflowDocument, Run } from "../types";

export interface Mend {
  words: string;
  href: string;
}

const KEY = ["InvalidApiKey", "MalformedApiKey", "ManagementKey", "KeyLimitExceeded", "InsufficientCredits"];
const MODEL = ["ModelNotFound", "NoEndpoints", "ContextLengthExceeded", "ContentModerated", "PriceUnknown"];
const PROMPT = ["MissingVariable", "TemplateError", "TemplateTooLarge", "InvalidNode"];

/** What mends it: it leads to the place, and back to the run's resume. */
export function mendOf(problem: Problem, run: Run, document?: WorkflowDocument): Mend | null {
  if (!can("admin")) return null;
  const node = document?.nodes.find((one) => idOf(one) === problem.node);
  const credential: string | undefined = node?.credential;
  if (KEY.includes(problem.code) && credential) {
    return { words: `Replace the key of ${credential}`, href: to(["credentials", credential], { do: "key", run: run.id }) };
  }
  if (problem.code === "CredentialNotFound" && credential) {
    return { words: `Store a credential named ${credential}`, href: to(["credentials"], { do: "new", name: credential, run: run.id }) };
  }
  if (problem.code === "BudgetExceeded") return { words: "Raise the run's budget and resume", href: to(["runs", run.id], { do: "resume" }) };
  if (problem.code === "BudgetLimitExceeded" && credential) return { words: `Change the budget of ${credential}`, href: to(["credentials", credential], { do: "budget", run: run.id }) };
  if ((MODEL.includes(problem.code) || PROMPT.includes(problem.code)) && node) {
    return { words: MODEL.includes(problem.code) ? `Choose another model for ${problem.node}` : `Correct ${problem.node}`, href: to(["workflows", run.workflowId], { node: problem.node }) };
  }
  return null;
}
