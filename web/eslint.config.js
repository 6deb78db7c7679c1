import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import { readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("src/features", import.meta.url));

/** A feature knows what all pages share, and no other feature. */
const apart = features.map((name) => ({
  files: [`src/features/${name}/**`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: features
          .filter((other) => other !== name)
          .map((other) => ({ group: [`@/features/${other}*`, `../${other}/*`], message: "Features do not import each other." })),
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ["node_modules", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "max-lines": ["error", { max: 250 }],
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Untrusted text goes through components/Markdown." },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  { files: ["src/components/Markdown.tsx"], rules: { "no-restricted-syntax": "off" } },
  { files: ["*.js", "tools/**", "e2e/**"], languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", document: "readonly", window: "readonly", fetch: "readonly", setTimeout: "readonly", addEventListener: "readonly", performance: "readonly", requestAnimationFrame: "readonly", PerformanceObserver: "readonly", localStorage: "readonly" } } },
  ...apart,
);
