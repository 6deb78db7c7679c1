import { useState } from "react";
import { setToken } from "@/api/client";
import { Brand } from "./Sidebar";

/** Asks for the token where the server wants one. */
export function SignIn() {
  const [value, setValue] = useState("");
  const [keep, setKeep] = useState(false);
  return (
    <main className="state" style={{ minHeight: "100dvh", justifyContent: "center" }}>
      <form
        style={{ width: "min(360px, calc(100vw - 32px))", display: "flex", flexDirection: "column", gap: 12, textAlign: "left" }}
        onSubmit={(event) => {
          event.preventDefault();
          setToken(value.trim(), keep);
          location.reload();
        }}
      >
        <div className="brand"><Brand />muster</div>
        <h1 style={{ fontWeight: 600, fontSize: 20 }}>This server wants its token</h1>
        <div className="field">
          <label htmlFor="token">Token</label>
          <input id="token" className="inp" type="password" autoComplete="off" value={value} onChange={(event) => setValue(event.target.value)} required />
          <span className="hint">It is the setting server.token (MUSTER_TOKEN) of whoever runs the server.</span>
        </div>
        <label style={{ display: "flex", gap: 8, alignItems: "center" }}>
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.target.checked)} />Keep it in this browser
        </label>
        <button type="submit" className="btn p">Open muster</button>
      </form>
    </main>
  );
}
