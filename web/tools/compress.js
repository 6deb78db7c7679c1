// Puts a .gz and a .br beside every file of the build that gains by it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = new URL("../../src/muster/web_dist", import.meta.url).pathname;
for (const name of readdirSync(folder, { recursive: true })) {
  if (!/\.(js|css|html|svg|json|webmanifest)$/.test(name)) continue;
  const path = join(folder, name);
  const plain = readFileSync(path);
  if (plain.length < 1024) continue;
  const packed = { ".gz": gzipSync(plain, { level: 9 }), ".br": brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }) };
  for (const [suffix, bytes] of Object.entries(packed)) if (bytes.length < plain.length) writeFileSync(path + suffix, bytes);
}
