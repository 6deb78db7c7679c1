import { cost, count, exactCost } from "@/lib/format";

/** An amount as it is shown everywhere; on pointing at it, to the micro-dollar. */
export function Cost({ value, unpriced = 0 }: { value: number | null; unpriced?: number }) {
  return <span title={exactCost(value, unpriced)}>{cost(value, unpriced)}</span>;
}

interface Tokens {
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
}

/** Tokens exactly and by kind, for a tooltip. */
export function splitOf(tokens: Tokens): string {
  return `${count(tokens.input_tokens)} in, ${count(tokens.output_tokens)} out, ${count(tokens.cache_read_tokens)} read from and ${count(tokens.cache_write_tokens)} written to the cache`;
}
