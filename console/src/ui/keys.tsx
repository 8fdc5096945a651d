// What keys do everywhere, and the help that lists them.
import { t } from '@lingui/core/macro';
import { Button } from 'antd';
import { Fragment, useEffect, useRef } from 'react';
import { prefs, setPrefs, usePrefs } from '../lib/prefs';
import { placesOf, type Room } from '../lib/rooms';
import { useGo } from '../lib/session';
import { Dialog } from './dialog';

const MAC = typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.userAgent);
export const findKeys = (): string => (MAC ? '⌘ K' : t`Ctrl K`);
const NEXT: Record<string, 'recent' | 'local' | 'utc'> = { recent: 'local', local: 'utc', utc: 'recent' };

/** Times relative, local or in UTC, one after the other. */
export const nextTimes = () => setPrefs({ times: NEXT[prefs().times] ?? 'recent' });

export function useKeys(rooms: Room[], help: () => void, find: () => void) {
  const go = useGo();
  const first = useRef(0);
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
        e.preventDefault();
        find();
        return;
      }
      const at = e.target as HTMLElement;
      if (
        e.ctrlKey ||
        e.metaKey ||
        e.altKey ||
        !prefs().keys ||
        at.isContentEditable ||
        /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) ||
        at.closest?.('[role="dialog"]')
      )
        return;
      if (e.key === '?') help();
      else if (e.key === '/') {
        const field = document.querySelector<HTMLInputElement>('input[data-search], [data-search] input');
        if (!field) return;
        e.preventDefault();
        field.focus();
      } else if (e.key === 'g') first.current = Date.now();
      else if (Date.now() - first.current < 1500) {
        first.current = 0;
        const room = placesOf(rooms).find((r) => r.letter === e.key);
        if (room) go(room.path);
      } else if (e.key === 't') nextTimes();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [go, rooms, help, find]);
}

export function KeyHelp({ rooms, open, onClose }: { rooms: Room[]; open: boolean; onClose: () => void }) {
  const { keys } = usePrefs();
  const all: [string[], string][] = [
    [findKeys().split(' '), t`search, go anywhere, do something`],
    [['/'], t`search in this room`],
    [['t'], t`times relative, local, in UTC`],
    [['?'], t`this help`],
    [[t`Esc`], t`close a dialog, drawer or tip`],
    ...placesOf(rooms)
      .filter((r) => r.letter)
      .map((r): [string[], string] => [['g', r.letter!], r.in ? `${r.name} (${r.in})` : r.name]),
  ];
  return (
    <Dialog open={open} title={t`Keyboard`} footer={null} onCancel={onClose}>
      <dl className="keys">
        {all.map(([k, what]) => (
          <div key={what}>
            <dt>
              {k.map((one, i) => (
                <Fragment key={one}>
                  {i > 0 && ' '}
                  <kbd>{one}</kbd>
                </Fragment>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="sub">
        {keys
          ? t`All but ${findKeys()} and Esc are single keys; they can be turned off.`
          : t`Single keys are turned off.`}{' '}
        <Button size="small" onClick={() => setPrefs({ keys: !keys })}>
          {keys ? t`Turn them off` : t`Turn them on`}
        </Button>
      </p>
    </Dialog>
  );
}
