// Validates state machine definitions with two validators, which find different mistakes.
// Usage: node check-definitions.js FILE.asl.yaml ...  (needs the packages of package.json in NODE_PATH)
const fs = require("fs");
const yaml = require("js-yaml");
const aslValidator = require("asl-validator");
const { getLanguageService, TextDocument } = require("amazon-states-language-service");

async function faults(file) {
  const definition = yaml.load(fs.readFileSync(file, "utf8"));
  const found = aslValidator(definition, { checkArn: false, checkPaths: true });
  const messages = found.isValid ? [] : [found.errorsText("\n")];

  const service = getLanguageService({});
  const document = TextDocument.create(file, "asl", 1, JSON.stringify(definition, null, 2));
  const diagnostics = await service.doValidation(document, service.parseJSONDocument(document));
  return messages.concat(diagnostics.map((d) => d.message));
}

(async () => {
  let failed = false;
  for (const file of process.argv.slice(2)) {
    const messages = await faults(file);
    failed ||= messages.length > 0;
    console.log(`${file}: ${messages.length ? messages.join("\n  ") : "ok"}`);
  }
  process.exit(failed ? 1 : 0);
})();
