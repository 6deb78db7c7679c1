import type { QueryClient } from "@tanstack/react-query";
import { create } from "zustand";
import { token } from "@/api/client";
import { overview } from "@/api/queries";
import { setServerTime } from "@/lib/clock";
import { Connection, type Status } from "./connection";
import { withoutSocket } from "./fallback";
import { browserMark, forgetOnlookers, heardOnlookers, tellLooking } from "./looking";
import { Notices } from "./notices";
import { PreferencesSync } from "./preferences";
import { Sync } from "./sync";

/** How the window is connected, for the pill. */
export const useConnection = create<Status>(() => ({ mode: "connecting", since: Date.now(), behind: 0 }));

/** So long is waited for the first answer. */
const FIRST_MS = 2_000;

/** Up to where the log is known by the first answer; null: there is none soon. */
function known(queries: QueryClient): Promise<number | null> {
  const late = new Promise<null>((done) => setTimeout(done, FIRST_MS, null));
  return Promise.race([queries.ensureQueryData(overview).then((first) => first.event_position, () => null), late]);
}

/** Connects the window to the server for as long as it is open (`go` opens a page); undo it by calling the answer. */
export function goLive(queries: QueryClient, go: (path: string) => void): () => void {
  const sync = new Sync(queries);
  const preferences = new PreferencesSync();
  const notices = new Notices(go);
  const all = () => {
    sync.snapshot();
    preferences.snapshot();
  };
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
  let wasLost = false;
  const connection = new Connection(
    url,
    {
      onEvents: (events) => {
        sync.events(events);
        preferences.events(events);
        notices.events(events);
      },
      onSnapshot: all,
      onServerTime: setServerTime,
      onOnlookers: heardOnlookers,
      onStatus: (status) => {
        // While nothing could be heard, reads failed too: whoever shows an error tries again now.
        if (wasLost && ["live", "events", "polling"].includes(status.mode)) all();
        wasLost = status.mode === "reconnecting" || status.mode === "offline";
        if (status.mode !== "live") forgetOnlookers();
        useConnection.setState(status);
      },
    },
    withoutSocket,
    // A browser's socket cannot carry a token; event streams can.
    token() === null,
    browserMark(),
  );
  const lookNoMore = tellLooking((items) => connection.look(items));
  const again = () => connection.retryNow();
  const seen = () => {
    sync.visibility(document.hidden);
    if (!document.hidden) again();
  };
  addEventListener("online", again);
  addEventListener("focus", again);
  document.addEventListener("visibilitychange", seen);
  let over = false;
  // Between the first answers and the socket things happen too: it begins where they end.
  void known(queries).then((position) => {
    if (over) return;
    connection.start(position);
    preferences.start();
  });
  return () => {
    over = true;
    removeEventListener("online", again);
    removeEventListener("focus", again);
    document.removeEventListener("visibilitychange", seen);
    lookNoMore();
    connection.stop();
    preferences.stop();
    notices.stop();
  };
}

/** Whether writes make sense now. */
export function useOnline(): boolean {
  return useConnection((status) => status.mode !== "offline");
}
