import { useState } from "react";
import type { Approval } from "@/api/types";
import { visible } from "@/lib/visible";
import { optionsOf, useAnswer } from "./useAnswer";

/** One of the offered answers, or words. */
export function QuestionForm({ approval }: { approval: Approval }) {
  const { mutate, isPending } = useAnswer(approval);
  const [words, setWords] = useState("");
  const options = optionsOf(approval);
  return (
    <>
      {options.length > 0 ? (
        <div className="opts">
          {options.map((option) => (
            <button key={option.id} type="button" className="btn" disabled={isPending} onClick={() => mutate({ option: option.id })}>{visible(option.label)}</button>
          ))}
        </div>
      ) : null}
      <form
        className="b act"
        onSubmit={(event) => {
          event.preventDefault();
          if (words.trim()) mutate({ text: words.trim() });
        }}
      >
        <input className="inp grow" aria-label="Your answer" placeholder={options.length > 0 ? "Or in your own words" : "Your answer"} value={words} onChange={(event) => setWords(event.target.value)} />
        <button type="submit" className={options.length > 0 ? "btn" : "btn p"} disabled={isPending || !words.trim()}>Answer</button>
      </form>
    </>
  );
}
