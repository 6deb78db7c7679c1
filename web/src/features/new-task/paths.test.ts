import { describe, expect, it } from "vitest";
import { choicesOf, crumbs, isBelow, plain, split, standing } from "./paths";
import type { Listing, UsedFolder } from "./queries";

const used = [{ path: "/home/me/hooks-api" }, { path: "/srv/site" }] as UsedFolder[];
const folder = (name: string) => ({ name, path: `/home/me/${name}`, repository: true, branch: "main", dirty: 0 });
const listing = { here: { path: "/home/me" }, folders: [folder("hooks-api"), folder("muster"), folder("Notes")] } as unknown as Listing;

describe("a directory that is picked", () => {
  it("offers what was used before and what is there", () =>
    expect(choicesOf("", false, used, listing).map((one) => one.key)).toEqual(["used:/home/me/hooks-api", "used:/srv/site", "in:/home/me/hooks-api", "in:/home/me/muster", "in:/home/me/Notes"]));
  it("is narrowed by what is typed, folders by their name only", () => {
    expect(choicesOf("/home/me/no", true, used, listing).map((one) => one.path)).toEqual(["/home/me/Notes"]);
    expect(choicesOf("site", true, used, listing).map((one) => one.key)).toContain("used:/srv/site");
    expect(choicesOf("/home/me/hooks-api", false, used, listing)).toHaveLength(5);
  });
  it("knows which folder is typed in", () => {
    expect(split("/home/me/pro")).toEqual(["/home/me", "pro"]);
    expect(split("/ho")).toEqual(["/", "ho"]);
    expect(plain(" /home/me// ")).toBe("/home/me");
    expect(plain("/")).toBe("/");
  });
  it("is below a root or not", () => {
    expect(isBelow("/home/me2", ["/home/me"])).toBe(false);
    expect(isBelow("/home/me/x", ["/home/me"])).toBe(true);
    expect(isBelow("/x", ["/"])).toBe(true);
  });
  it("has breadcrumbs from its root on", () => {
    expect(crumbs("/home/me/a/b", "/home/me")).toEqual([["/home/me", "/home/me"], ["a", "/home/me/a"], ["b", "/home/me/a/b"]]);
    expect(crumbs("/etc", "/")).toEqual([["/", "/"], ["etc", "/etc"]]);
  });
  it("says how it stands in git", () => {
    expect(standing(folder("x"))).toBe("main, clean");
    expect(standing({ repository: true, branch: null, dirty: 3 })).toBe("no branch, 3 changed");
    expect(standing({ repository: false, branch: null, dirty: null })).toBe("no repository");
    expect(standing({ repository: null, branch: null, dirty: null })).toBe("");
  });
});
