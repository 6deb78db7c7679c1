import { ApiProblem, token } from "@/api/client";
import { sayFailed } from "./toasts";

const KEEP_MS = 1_000;

/** Saves all that an attempt left as one archive. The browser writes it as it comes; with a token it is fetched first, since a link cannot carry one. */
export async function saveBundle(task: string, attempt: number): Promise<void> {
  const address = `/api/v1/tasks/${task}/bundle?attempt=${attempt}`;
  const known = token();
  if (!known) return press(address, `${task}.${attempt}.zip`);
  try {
    const response = await fetch(address, { headers: { authorization: `Bearer ${known}` } });
    if (!response.ok) throw new ApiProblem(response.status, "bundle", `The server answered ${response.status}.`, response.headers.get("x-request-id") ?? "");
    const url = URL.createObjectURL(await response.blob());
    press(url, `${task}.${attempt}.zip`);
    setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
  } catch (error) {
    sayFailed("The bundle was not saved", error);
  }
}

function press(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}
