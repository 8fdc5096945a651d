// What the rooms of accesses share: what is wrong and what to do, and the ways from one thing to the next.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Button } from 'antd';
import type { ReactNode } from 'react';
import type { AccessBrief } from '../../api/access';
import { parentOf, type Place, visible } from '../../lib/path';
import { MEANS, stateOf } from '../../ui/accessstate';
import { Nothing, To, When } from '../../ui/parts';

/** What is wrong, and what to do about it; nothing where all is well. */
export function Trouble({ of, action }: { of: AccessBrief; action?: ReactNode }) {
  const state = stateOf(of);
  if (state === 'live' && !of.next_step) return null;
  const bad = state === 'denied' || state === 'absent';
  return (
    <Alert
      type={bad ? 'error' : state === 'untold' ? 'info' : 'warning'}
      showIcon
      role="alert"
      style={{ marginBottom: 16 }}
      title={state === 'live' ? t`Some rows of the host were not taken` : `${of.text}.`}
      description={
        <>
          {state !== 'live' && MEANS()[state] && <div>{MEANS()[state]}</div>}
          {of.next_step && (
            <div>
              <b>
                <Trans>Next:</Trans>
              </b>{' '}
              {of.next_step}.
            </div>
          )}
        </>
      }
      action={action}
    />
  );
}

/** Nothing was used in a time, in a folder or in the whole volume. */
export const NoAccess = ({
  icon,
  whole,
  open,
  command,
}: {
  icon: ReactNode;
  whole: boolean;
  open: (f: Place) => void;
  command: string;
}) => (
  <Nothing
    icon={icon}
    title={t`No access in this time`}
    text={
      whole
        ? t`Choose a longer one, or see under State whether logs are read. Sums are kept for 90 days.`
        : t`Choose a longer one, or look at the whole volume.`
    }
    action={
      !whole && (
        <Button onClick={() => open({ path: '/' })}>
          <Trans>The whole volume</Trans>
        </Button>
      )
    }
    command={command}
  />
);

/** A time in a list that grows: the clock's. */
export const Clock = ({ at }: { at: string }) => <When at={at} as="clock" />;

/** Of a time that is long ago. */
export const Day = ({ at }: { at: string | null }) => at && <When at={at} as="day" />;

export const placeQuery = (p: Place) => (p.b64 ? { path_b64: p.b64 } : { path: p.path });

/** To a file's or folder's own accesses. */
export const Accesses = ({
  volume,
  place,
  children,
}: {
  volume: string;
  place: Place;
  children?: ReactNode;
}) => (
  <To path={`/access/${volume}`} more={{ tab: 'live', ...placeQuery(place) }}>
    {children ?? visible(place.path)}
  </To>
);

/** To the files room, where it lies. */
export function InFiles({ volume, place, folder }: { volume: string; place: Place; folder?: boolean }) {
  const where = folder ? place : parentOf(place);
  return (
    <To
      path={`/volumes/${volume}/files`}
      more={where.path === '/' ? {} : { path: where.path, b64: where.b64 }}
    >
      {folder ? t`Files` : t`Folder`}
    </To>
  );
}

export const ToWhy = ({ volume, place }: { volume: string; place: Place }) => (
  <To path={`/volumes/${volume}/why`} more={placeQuery(place)}>
    <Trans>Why?</Trans>
  </To>
);

/** People and hosts are asked for by name, or by its bytes where they are no text. */
export function Who({
  volume,
  name,
  b64,
  as,
}: {
  volume: string;
  name: string;
  b64?: string;
  as: 'user' | 'host';
}) {
  if (!name)
    return (
      <span className="none">
        <Trans>not told</Trans>
      </span>
    );
  return (
    <To path={`/access/${volume}`} more={{ tab: 'live', ...(b64 ? { [`${as}_b64`]: b64 } : { [as]: name }) }}>
      {visible(name)}
    </To>
  );
}

/** One line of facts about when. */
export const Since = ({ at, none }: { at: string | null; none: string }) => <When at={at} full none={none} />;
