// Builds shared/web/vendor, or the folder given: each entry with what it needs in one file, and all licences.
import { existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../shared/web/vendor");

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["markdown.js", "katex.js", "swagger.js", "swagger.css"],
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none", // they stand in LICENCES.txt
  metafile: true,
});
await writeFile(join(target, "LICENCES.txt"), (await licences(Object.keys(metafile.inputs))).join(`\n\n${"-".repeat(80)}\n\n`));

/** The licence of every package that a file comes from, and of what such a file is itself made of. */
async function licences(files) {
  const folders = files.map((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean);
  return Promise.all([...new Set(folders)].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
    const own = (await readdir(join(here, folder))).find((each) => /^licen[cs]e/i.test(each));
    const within = files.filter((file) => file.startsWith(`${folder}/`)).map((file) => `${file}.LICENSE.txt`);
    const texts = [...(own === undefined ? [] : [join(folder, own)]), ...within.filter((file) => existsSync(join(here, file)))];
    const read = await Promise.all(texts.map(async (text) => (await readFile(join(here, text), "utf8")).trim()));
    return [`${name} ${version} (${license})`, ...read].join("\n\n");
  }));
}
