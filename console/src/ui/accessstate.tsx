// How it stands with a record of accesses: in a word, with what the word means.
import { t } from '@lingui/core/macro';
import type { AccessBrief } from '../api/access';
import { State } from './basics';

type Told = Pick<AccessBrief, 'state' | 'stale' | 'complete'>;

/** "stale" and "incomplete" are no states of the host's, but what a reader has to know of them. */
export function stateOf(a: Told): string {
  if (a.state !== 'live') return a.state;
  return a.stale ? 'stale' : a.complete ? 'live' : 'incomplete';
}

export const MEANS = (): Record<string, string> => ({
  live: t`All logs are read to their ends: what is not in them did not happen.`,
  incomplete: t`Logs are read, but since when they are complete is not known yet.`,
  stale: t`The host was not heard of for an hour. What happened since is not known.`,
  silent: t`Logs are there, but no client has written to them for longer than the volume allows, as if they were switched off.`,
  denied: t`The logs are there, and the agent may not read them.`,
  absent: t`The filespace has no audit logs.`,
  untold: t`The host has told nothing yet.`,
});

export const AccessTag = ({ of }: { of: Told }) => {
  const state = stateOf(of);
  return <State of={state} text={MEANS()[state]} />;
};
