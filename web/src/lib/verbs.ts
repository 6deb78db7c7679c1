const VERBS: Record<string, string> = {
  reading: "Reading", editing: "Editing", deleting: "Deleting", moving: "Moving", searching: "Searching", running: "Running",
  fetching: "Fetching", calling: "Calling", thinking: "Thinking", writing: "Writing", planning: "Planning", finishing: "Finishing",
  printing: "Prints", saying: "Says", asking: "Asks", wanting: "Wants to",
};

/** What an agent does now, in a word. */
export function verb(code: string): string {
  return VERBS[code] ?? code;
}
