import { answer, api, token } from "@/api/client";
import { sayFailed } from "./toasts";

/** Saves all that an attempt left as one archive, which the browser writes as it comes. It sends no token with a link; so with a token one is made that is good once. */
export async function saveBundle(task: string, attempt: number): Promise<void> {
  try {
    const address = token()
      ? (await answer(api.POST("/api/v1/tasks/{task_id}/bundle/link", { params: { path: { task_id: task } }, body: { attempt } }))).url
      : `/api/v1/tasks/${task}/bundle?attempt=${attempt}`;
    const link = document.createElement("a");
    link.href = address;
    link.download = `${task}.${attempt}.zip`;
    link.click();
  } catch (error) {
    sayFailed("The bundle was not saved", error);
  }
}
