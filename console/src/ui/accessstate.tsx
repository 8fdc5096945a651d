// How it stands with a record of accesses: in a word, with what the word means.
import type { AccessBrief } from '../api/access';
import { State } from './parts';

type Told = Pick<AccessBrief, 'state' | 'stale' | 'complete'>;

/** "stale" and "incomplete" are no states of the host's, but what a reader has to know of them. */
export function stateOf(a: Told): string {
  if (a.state !== 'live') return a.state;
  return a.stale ? 'stale' : a.complete ? 'live' : 'incomplete';
}

export const MEANS: Record<string, string> = {
  live: 'All logs are read to their ends: what is not in them did not happen.',
  incomplete: 'Logs are read, but since when they are complete is not known yet.',
  stale: 'The host was not heard of for an hour. What happened since is not known.',
  silent:
    'Logs are there, but no client has written to them for longer than the volume allows, as if they were switched off.',
  denied: 'The logs are there, and the agent may not read them.',
  absent: 'The filespace has no audit logs.',
  untold: 'The host has told nothing yet.',
};

export const AccessTag = ({ of }: { of: Told }) => {
  const state = stateOf(of);
  return <State of={state} text={MEANS[state]} />;
};
