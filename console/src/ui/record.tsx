// How it stands with the record of accesses, in few words, where other things are looked at: on the overview, on a volume, on a plan.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Card } from 'antd';
import { useAccess, useAccessList } from '../api/access';
import type { Schemas } from '../api/client';
import { counted } from '../lib/counted';
import { bytes, count } from '../lib/format';
import { AccessTag, MEANS, stateOf } from './accessstate';
import { Failed, State, To, When } from './basics';

const SHOWN = 5;

/** Of all filespaces: how many are complete, and those that are not. Nothing where there is none. */
export function RecordsCard({ customer }: { customer?: string }) {
  const list = useAccessList(customer);
  const wrong = list.items.filter((a) => stateOf(a) !== 'live');
  if (list.error)
    return (
      <Card size="small" title={t`Records of accesses`} style={{ marginBottom: 16 }}>
        <Failed error={list.error} retry={list.retry} />
      </Card>
    );
  if (list.pending || list.items.length === 0) return null;
  const total = list.total ?? list.items.length;
  const n = wrong.length;
  if (wrong.length === 0)
    return (
      <Card style={{ marginBottom: 16 }} styles={{ body: { padding: '14px 18px' } }}>
        <div className="bar" style={{ margin: 0, justifyContent: 'space-between' }}>
          <span>
            <State of="live" text={MEANS().live} />{' '}
            {total === 1
              ? t`The audit logs of the filespace are read to their ends.`
              : t`The audit logs of all ${count(total)} filespaces are read to their ends.`}
          </span>
          <To path="/access">
            <Trans>Who uses what</Trans>
          </To>
        </div>
      </Card>
    );
  return (
    <Card
      size="small"
      title={t`Records of accesses`}
      extra={
        <To path="/access">
          <Trans>All filespaces</Trans>
        </To>
      }
      style={{ marginBottom: 16 }}
    >
      <>
        <p style={{ marginTop: 0 }}>
          <b>
            {list.more
              ? t`${count(n)} or more of ${counted(total, 'filespace')}`
              : t`${count(n)} of ${counted(total, 'filespace')}`}
          </b>{' '}
          {plural(n, {
            one: 'needs somebody; nothing is called cold on it meanwhile.',
            other: 'need somebody; nothing is called cold on them meanwhile.',
          })}
        </p>
        <ul className="plainlist">
          {wrong.slice(0, SHOWN).map((a) => (
            <li key={a.volume_id}>
              <To path={`/access/${a.volume_id}`}>{a.name}</To> <AccessTag of={a} />{' '}
              <span className="sub">{a.next_step ? `${a.next_step}.` : `${a.text}.`}</span>
            </li>
          ))}
        </ul>
        {n > SHOWN && (
          <To path="/access">
            <Trans>{count(n - SHOWN)} more</Trans>
          </To>
        )}
      </>
    </Card>
  );
}

/** Of one filespace. */
export function RecordCard({ volume }: { volume: string }) {
  const access = useAccess(volume);
  const a = access.data;
  if (access.error && !a) return <Failed error={access.error} retry={() => void access.refetch()} />;
  return (
    <Card
      size="small"
      title={t`Record of accesses`}
      extra={
        <To path={`/access/${volume}`}>
          <Trans>Who uses what</Trans>
        </To>
      }
      style={{ marginBottom: 16 }}
      loading={!a}
    >
      {a && (
        <>
          <AccessTag of={a} /> {a.text}.{' '}
          <Trans>
            Last event <When at={a.last_event_at} none={t`none yet`} />.
          </Trans>
          {a.next_step && (
            <div className="sub" style={{ marginTop: 6 }}>
              <b>
                <Trans>Next:</Trans>
              </b>{' '}
              {a.next_step}.
            </div>
          )}
        </>
      )}
    </Card>
  );
}

type Planned = Pick<Schemas['Plan'], 'held_for_access_record' | 'access_record'>;

/** What a plan left because nobody can say that it is cold; and that there is nothing of the kind. */
export function HeldBack({ plan, volume }: { plan: Planned; volume?: string }) {
  const held = plan.held_for_access_record;
  const record = plan.access_record;
  if (!record) return null;
  const way = volume && (
    <To path={`/access/${volume}`}>
      <Trans>See the record of accesses</Trans>
    </To>
  );
  if (!held || held.files === 0)
    return record.complete ? null : (
      <Alert
        type="warning"
        showIcon
        style={{ marginBottom: 16 }}
        title={`${record.text}.`}
        description={
          <>
            <Trans>This rule holds nothing back for it.</Trans> {way}
          </>
        }
      />
    );
  return (
    <Alert
      type="warning"
      showIcon
      style={{ marginBottom: 16 }}
      title={t`${counted(held.files, 'file')}, ${bytes(held.bytes)}, held back: nobody can say that they are cold`}
      description={
        <>
          {held.covered_since_at ? (
            <>
              <Trans>
                The rule asks for a longer time without an access than audit logs tell of: they are complete
                since <When at={held.covered_since_at} full />. These files are taken once the logs reach back
                far enough, if nobody uses them.
              </Trans>
            </>
          ) : (
            <>
              {record.text}. <Trans>These files are not taken until that is mended.</Trans>
            </>
          )}{' '}
          {way}
        </>
      }
    />
  );
}
