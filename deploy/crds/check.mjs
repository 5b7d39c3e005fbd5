// Reads manifests of custom resources by the models of their makers' packages: KEDA, the Gateway API,
// the Prometheus operator. Values by the packages' own `validate`; keys that do not exist by the
// TypeScript compiler, to which a manifest is a literal of the package's type.
//
//     node check.mjs NODE_MODULES < DOCUMENTS      # a JSON list; exit code 1 and a line for each fault
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const PACKAGES = {
  "gateway.networking.k8s.io": "gateway-api",
  "keda.sh": "keda",
  "monitoring.coreos.com": "prometheus-operator",
};
const modules = resolve(process.argv[2]);
const ts = createRequire(join(modules, "from-here.js"))("typescript");

/** Where a document's model is, without extension; null for a group that no package has. */
function modelOf(document) {
  const [group, version] = document.apiVersion.split("/");
  const name = PACKAGES[group];
  return name ? join(modules, "@kubernetes-models", name, group, version, document.kind) : null;
}

/** Faults of a document's values. */
async function valueFaults(document, model) {
  let module;
  try {
    module = await import(pathToFileURL(`${model}.js`));
  } catch {
    return [`${document.apiVersion} has no ${document.kind}`];
  }
  try {
    new module[document.kind](document).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

/** Faults of a document's keys, as the compiler says them. */
function keyFaults(document, model) {
  const file = join(modules, "manifest.ts");
  const type = `I${document.kind}`;
  const text = `import type { ${type} } from ${JSON.stringify(`${model}.js`)};\n` +
    `export const manifest: ${type} = ${JSON.stringify(document)};\n`;
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [],
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.fileExists = ((exists) => (name) => name === file || exists(name))(host.fileExists.bind(host));
  host.getSourceFile = (name, version) => name === file
    ? ts.createSourceFile(name, text, version, true, ts.ScriptKind.TS) : read(name, version);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((one) =>
    ts.flattenDiagnosticMessageText(one.messageText, " "));
}

let faulty = false;
for (const document of JSON.parse(readFileSync(0, "utf8"))) {
  const model = modelOf(document);
  const faults = model ? await valueFaults(document, model) : ["no package has its models"];
  if (model && !faults.length) faults.push(...keyFaults(document, model));
  for (const fault of faults) {
    faulty = true;
    console.error(`${document.kind} ${document.metadata?.name}: ${fault}`);
  }
}
process.exit(faulty ? 1 : 0);
