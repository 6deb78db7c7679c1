import { expect, it } from "vitest";
import { foldersOf, nameOf } from "./folders";

it("puts files into their folders, the first one's first", () => {
  const files = ["src/a.py", "README.md", "src/web/b.ts", "src/c.py", "/odd"].map((path) => ({ path }));
  expect(foldersOf(files).map((folder) => [folder.path, folder.files.map((file) => nameOf(file.path))])).toEqual([
    ["src", ["a.py", "c.py"]], ["", ["README.md", "odd"]], ["src/web", ["b.ts"]],
  ]);
});
