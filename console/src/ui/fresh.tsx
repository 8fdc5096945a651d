// Whether what is shown is as it is now: how the event stream stands, and what could not be brought up to date.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { ReloadOutlined } from '@ant-design/icons';
import { type QueryCache, useIsFetching, useQueryClient } from '@tanstack/react-query';
import { Badge, Button, Tooltip } from 'antd';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { clockTime } from '../lib/format';
import type { LiveState } from '../lib/live';

/** So long an interruption is nothing to speak of: a server that is started again takes a few seconds. */
const SHORT_MS = 5_000;
/** After this it is not called reconnecting any more. */
const LONG_MS = 30_000;

type Standing = 'live' | 'connecting' | 'reconnecting' | 'stale';

const TOLD = (): Record<Standing, ['success' | 'warning' | 'processing' | 'error', string, string]> => ({
  live: ['success', t`Live`, t`Everything shown is brought up to date as it happens`],
  connecting: ['processing', t`Connecting`, t`Live updates are being connected`],
  reconnecting: ['warning', t`Reconnecting`, t`Live updates are interrupted; they come back by themselves`],
  stale: [
    'error',
    t`Not live`,
    t`Live updates have been interrupted for a while; it is tried again by itself`,
  ],
});

/** How it stands, and since when it is not live. */
export function useStanding(live: LiveState): { standing: Standing; since?: number } {
  const [since, setSince] = useState<number | undefined>(() => (live === 'live' ? undefined : Date.now()));
  const [, tick] = useState(0);
  const [seen, setSeen] = useState(live);
  if (seen !== live) {
    setSeen(live);
    setSince(live === 'live' ? undefined : (since ?? Date.now()));
  }
  useEffect(() => {
    if (since === undefined) return undefined;
    const timers = [SHORT_MS, LONG_MS].map((ms) =>
      setTimeout(() => tick((n) => n + 1), Math.max(0, since + ms - Date.now()) + 20),
    );
    return () => timers.forEach(clearTimeout);
  }, [since]);
  if (live === 'live') return { standing: 'live' };
  const long = since !== undefined && Date.now() - since >= LONG_MS;
  return { standing: long ? 'stale' : live === 'lost' ? 'reconnecting' : 'connecting', since };
}

export function LiveBadge({ live, wide }: { live: LiveState; wide: boolean }) {
  const [badge, word, why] = TOLD()[useStanding(live).standing];
  return (
    <Tooltip title={why}>
      <span role="status" className="livebadge">
        <Badge status={badge} text={wide ? word : undefined} />
        {!wide && <span className="sr">{word}</span>}
      </span>
    </Tooltip>
  );
}

/** Of what is on the page: the oldest that could not be loaded again (in ms, 0: nothing), and since when the rest is known. */
function ageOf(cache: QueryCache): string {
  let failed = 0;
  let oldest = 0;
  for (const q of cache.getAll()) {
    const { data, dataUpdatedAt: at, fetchFailureCount, status } = q.state;
    // What never changes is not old.
    if (!q.isActive() || data === undefined || at === 0 || q.queryKey[0] === 'session') continue;
    if (status === 'error' || fetchFailureCount > 1) failed = failed ? Math.min(failed, at) : at;
    oldest = oldest ? Math.min(oldest, at) : at;
  }
  return `${failed} ${oldest}`;
}

/** Says that what is shown may be older than it looks, since when, and lets it be loaded again. Nothing while all is well. */
export function Freshness({ live }: { live: LiveState }) {
  const client = useQueryClient();
  const cache = client.getQueryCache();
  const [failed, oldest] = useSyncExternalStore(
    (tell) => cache.subscribe(tell),
    () => ageOf(cache),
  )
    .split(' ')
    .map(Number) as [number, number];
  const { standing, since } = useStanding(live);
  const busy = useIsFetching() > 0;
  const cut = standing !== 'live' && since !== undefined && Date.now() - since >= SHORT_MS;
  if (!cut && !failed) return null;
  const at = (ms: number) => clockTime(new Date(ms).toISOString());
  const told = !cut
    ? t`Part of this page could not be loaded again: it is as of ${at(failed)}.`
    : oldest
      ? t`No live updates since ${at(since)}. What is shown is as of ${at(oldest)} and may have changed. It is tried again by itself.`
      : t`No live updates since ${at(since)}. It is tried again by itself.`;
  return (
    <div className={`fresh ${standing === 'stale' ? 'bad' : 'warn'}`} role="status">
      <span>{told}</span>
      <Button
        size="small"
        icon={<ReloadOutlined aria-hidden />}
        loading={busy}
        onClick={() => void client.refetchQueries({ type: 'active' })}
      >
        <Trans>Load again now</Trans>
      </Button>
    </div>
  );
}
