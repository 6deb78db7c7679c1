// A build step: the code of the first page is asked for along with the frame's, not after it has run.
import type { Plugin, Rollup } from "vite";

const PAGE = "/features/fleet/index.tsx";

/** The files a chunk needs, its own included. */
function needs(bundle: Rollup.OutputBundle, file: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[file];
  if (chunk?.type !== "chunk" || found.has(file)) return found;
  found.add(file);
  for (const other of chunk.imports) needs(bundle, other, found);
  return found;
}

export function firstPage(): Plugin {
  return {
    name: "first-page",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle, chunk }) {
        if (!bundle || !chunk) return [];
        const page = Object.values(bundle).find((one) => one.type === "chunk" && one.facadeModuleId?.endsWith(PAGE));
        if (!page) throw new Error(`there is no chunk of ${PAGE}`);
        const frame = needs(bundle, chunk.fileName);
        const files = [...needs(bundle, page.fileName)].filter((file) => !frame.has(file)).map((file) => `/${file}`);
        const children = `if(location.pathname==="/")${JSON.stringify(files)}.forEach(function(f){var l=document.createElement("link");l.rel="modulepreload";l.href=f;document.head.append(l)})`;
        return [{ tag: "script", children, injectTo: "head-prepend" }];
      },
    },
  };
}
