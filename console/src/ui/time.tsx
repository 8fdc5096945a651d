// Times as people read them, alike everywhere: relative while recent, else in the reader's zone; with the local time, UTC and the ISO text where one
// points at it or has it under the focus.
import { t } from '@lingui/core/macro';
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { ago, clockTime, dateText, local, RECENT_MS, type TimeStyle, utc } from '../lib/format';
import { usePrefs } from '../lib/prefs';

let clock = Date.now();
const ticking = new Set<(now: number) => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all relative times. */
function useNow(): number {
  const [now, set] = useState(clock);
  useEffect(() => {
    ticking.add(set);
    timer ??= setInterval(() => {
      clock = Date.now();
      ticking.forEach((tell) => tell(clock));
    }, 10_000);
    return () => {
      ticking.delete(set);
      if (ticking.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return Math.max(now, clock);
}

/** Within a long list a time is no stop of the Tab key: hundreds of them would be in the way. Key t shows UTC in all of them. */
const InList = createContext(false);
export const TimesOfList = ({ children }: { children: ReactNode }) => (
  <InList value={true}>{children}</InList>
);

/** as: a way to write it, whatever the reader chose; without, as the reader chose. */
export function When({
  at,
  full,
  as,
  zone,
  none = t`never`,
}: {
  at: string | null | undefined;
  full?: boolean;
  as?: TimeStyle | 'clock';
  /** Told in this zone, since it is the one that is meant. */
  zone?: string;
  /** What it means that there is no time. */
  none?: string;
}) {
  const now = useNow();
  const { times } = usePrefs();
  const listed = use(InList);
  if (!at) return <span className="none">{none}</span>;
  const ms = Math.max(now, Date.now());
  const recent = times === 'recent' && !full && Math.abs(Date.parse(at) - ms) < RECENT_MS;
  const text =
    as === 'clock'
      ? clockTime(at, ms)
      : as
        ? dateText(at, as, zone)
        : recent
          ? ago(at, ms)
          : full || times !== 'recent'
            ? local(at)
            : dateText(at, 'day');
  return (
    <time dateTime={at} tabIndex={listed ? undefined : 0} className="num when">
      {text}
    </time>
  );
}

interface Shown {
  at: string;
  x: number;
  y: number;
  above: boolean;
}

/** The one tip for all times: a component of its own for each cell of a long list would cost more than the list. */
export function TimeTip() {
  const [shown, show] = useState<Shown>();
  useEffect(() => {
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const timeOf = (e: Event) => (e.target as Element | null)?.closest?.('time[datetime]') ?? undefined;
    const open = (e: Event) => {
      const el = timeOf(e);
      // The tip itself can be pointed at, so that its text can be copied.
      if (!el) {
        if ((e.target as Element | null)?.closest?.('.timetip')) clearTimeout(leaving);
        return;
      }
      clearTimeout(leaving);
      const box = el.getBoundingClientRect();
      const above = box.bottom + 90 > window.innerHeight;
      show({
        at: el.getAttribute('datetime')!,
        x: Math.max(8, Math.min(box.left, window.innerWidth - 300)),
        y: above ? window.innerHeight - box.top + 4 : box.bottom + 4,
        above,
      });
    };
    const leave = (e: Event) => {
      if (!timeOf(e) && !(e.target as Element | null)?.closest?.('.timetip')) return;
      clearTimeout(leaving);
      leaving = setTimeout(() => show(undefined), 150);
    };
    const away = () => show(undefined);
    const key = (e: KeyboardEvent) => {
      if (e.key === 'Escape') away();
    };
    const acts: [string, (e: never) => void][] = [
      ['pointerover', open],
      ['focusin', open],
      ['pointerout', leave],
      ['focusout', leave],
      ['keydown', key],
    ];
    for (const [name, act] of acts) document.addEventListener(name, act as EventListener);
    window.addEventListener('scroll', away, true);
    return () => {
      clearTimeout(leaving);
      for (const [name, act] of acts) document.removeEventListener(name, act as EventListener);
      window.removeEventListener('scroll', away, true);
    };
  }, []);
  if (!shown || Number.isNaN(Date.parse(shown.at))) return null;
  return (
    <div
      role="tooltip"
      className="timetip"
      style={{ left: shown.x, [shown.above ? 'bottom' : 'top']: shown.y }}
    >
      <div>{local(shown.at, 'own')}</div>
      <div>{utc(shown.at)}</div>
      <div className="mono">{new Date(shown.at).toISOString()}</div>
    </div>
  );
}
