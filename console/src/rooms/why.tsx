// One file: which rule decides it now and why, and all that is known of it over time.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import {
  CheckCircleFilled,
  MinusCircleOutlined,
  QuestionCircleOutlined,
  StopOutlined,
} from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Card, Descriptions, Input, Skeleton, Timeline } from 'antd';
import { useParams } from 'react-router';
import { ApiFailure, type Schemas } from '../api/client';
import { type Why, whyFile } from '../api/calls';
import { useNamed } from '../api/data';
import { bytes, count } from '../lib/format';
import { done, words } from '../lib/words';
import { visible } from '../lib/path';
import { explain } from '../lib/reasons';
import { useAddress, useGo, useWho } from '../lib/session';
import { AccessTag } from '../ui/accessstate';
import { Failed, Nothing, Page, State, To, When } from '../ui/parts';

const DOES = (): Record<Why['decision']['action'], string> => ({
  tier: t`It would be moved to the share`,
  recall: t`It would be brought back`,
  pin: t`It is kept local`,
  archive: t`It is archived`,
  exclude: t`It is left alone`,
  none: t`No rule means it`,
});

function Decision({ why }: { why: Why }) {
  const d = why.decision;
  const there = d.refusal === 'already_stub';
  return (
    <Alert
      type={d.refusal && !there ? 'warning' : d.action === 'none' ? 'info' : 'success'}
      showIcon
      style={{ marginBottom: 16 }}
      title={
        there
          ? t`Its data is on the share already`
          : d.refusal
            ? t`It stays where it is: ${words(d.refusal)}`
            : DOES()[d.action]
      }
      description={
        <>
          {d.text && <div>{d.text}</div>}
          {d.refusal && !there && explain(d.refusal) && <div>{explain(d.refusal)}</div>}
          {d.rule_id && (
            <div>
              <Trans>
                Decided by <To path={`/rules/${d.rule_id}`}>{d.rule_name}</To>.
              </Trans>
            </div>
          )}
        </>
      }
    />
  );
}

function Rule({ rule, at }: { rule: Schemas['WhyRule']; at: number }) {
  const said = !rule.enabled
    ? t`switched off`
    : rule.decides
      ? t`decides`
      : rule.matches
        ? t`would match, but one before it decides`
        : t`does not match`;
  return (
    <li className={rule.decides ? 'decides' : undefined}>
      <span className="mark" aria-hidden="true">
        {!rule.enabled ? (
          <StopOutlined />
        ) : rule.decides ? (
          <CheckCircleFilled style={{ color: '#2fa37c' }} />
        ) : (
          <MinusCircleOutlined />
        )}
      </span>
      <div>
        <span className="num sub">{at}.</span> <To path={`/rules/${rule.id}`}>{rule.name}</To>{' '}
        <span
          className={`tag ${rule.action === 'pin' ? 'pin' : rule.action === 'tier' || rule.action === 'archive' ? 'stub' : ''}`}
        >
          {words(rule.action)}
        </span>{' '}
        <b className={rule.decides ? '' : 'sub'}>{said}</b>
        <div className="mono sub">{rule.where}</div>
      </div>
    </li>
  );
}

const COLORS: Record<string, string> = {
  tier: '#2fa37c',
  recall: '#3b82c4',
  refuse: '#d9822b',
  alarm: '#c0271f',
  failed: '#c0271f',
};

function Shown({ why }: { why: Why }) {
  const f = why.file;
  const events = [...why.timeline].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <>
      <Decision why={why} />
      <div className="two">
        <Card size="small" title={t`Rules, in order`}>
          {why.rules.length ? (
            <ol className="whyrules">
              {why.rules.map((r, i) => (
                <Rule key={r.id} rule={r} at={i + 1} />
              ))}
            </ol>
          ) : (
            <span className="sub">
              <Trans>This volume has no rule.</Trans>
            </span>
          )}
        </Card>
        <Card
          size="small"
          title={t`What is known of it`}
          extra={why.access_record && <AccessTag of={{ stale: false, ...why.access_record }} />}
        >
          <Descriptions
            column={1}
            size="small"
            items={[
              { key: 's', label: t`State`, children: <State of={f.state} /> },
              {
                key: 'z',
                label: t`Size`,
                children: t`${bytes(f.size)} (${count(f.size)} bytes), ${bytes(f.allocated)} on disk`,
              },
              {
                key: 'a',
                label: t`Accessed`,
                children: (
                  <span>
                    <When at={f.accessed_at} full none={t`not known`} />{' '}
                    {f.accessed_source && (
                      <span className="sub">
                        <Trans>by {words(f.accessed_source)}</Trans>
                      </span>
                    )}
                  </span>
                ),
              },
              { key: 'm', label: t`Modified`, children: <When at={f.mtime_at} full none={t`not known`} /> },
              {
                key: 'b',
                label: t`Created`,
                children: <When at={f.btime_at} full none={t`not known`} />,
              },
              {
                key: 'o',
                label: t`Owner`,
                children: f.owner ? `${f.owner} (${f.uid})` : (f.uid ?? t`not known`),
              },
            ]}
          />
        </Card>
      </div>
      {why.access_record && !why.access_record.complete && (
        <Alert
          type="warning"
          showIcon
          style={{ marginBottom: 16 }}
          title={`${why.access_record.text}.`}
          description={t`Until then a rule that asks for a time without accesses does not take this file.`}
        />
      )}
      <Card size="small" title={t`What happened`}>
        {events.length ? (
          <Timeline
            style={{ marginTop: 10 }}
            items={events.map((e, i) => ({
              key: e.event_id ?? i,
              color: e.code && e.code !== 'ok' ? COLORS.failed : (COLORS[e.what] ?? 'gray'),
              content: (
                <div>
                  <b>{done(e.what)}</b> <When at={e.at} full />
                  {e.by && (
                    <span className="sub">
                      {' '}
                      <Trans>by {e.by}</Trans>
                    </span>
                  )}
                  {e.text && <div>{e.text}</div>}
                  {e.reason && (
                    <div className="sub">
                      {words(e.reason)}
                      {explain(e.reason) && `: ${explain(e.reason)}`}
                    </div>
                  )}
                  <div className="sub">
                    {e.rule_id && (
                      <>
                        <To path={`/rules/${e.rule_id}`} more={{ tab: 'versions' }}>
                          {e.rule_version ? t`rule, version ${e.rule_version}` : t`rule`}
                        </To>
                      </>
                    )}
                    {e.rule_id && e.job_id && ' · '}
                    {e.job_id && (
                      <To path={`/jobs/${e.job_id}`}>
                        <Trans>job</Trans>
                      </To>
                    )}
                  </div>
                </div>
              ),
            }))}
          />
        ) : (
          <span className="sub">
            <Trans>Nothing is known but that a scan or an import saw it.</Trans>
          </span>
        )}
      </Card>
    </>
  );
}

export default function WhyRoom() {
  const { id = '' } = useParams();
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const path = search.get('path') ?? undefined;
  const b64 = search.get('path_b64') ?? undefined;
  const volume = useNamed('volumes', id, who.customer);
  const why = useQuery({
    queryKey: ['files', id, 'why', b64 ?? path],
    queryFn: () => whyFile(id, b64 ? { path_b64: b64 } : { path }),
    enabled: !!(path || b64),
    retry: (n, e) => !(e instanceof ApiFailure && e.status < 500) && n < 2,
  });
  const missing = why.error instanceof ApiFailure && why.error.status === 404;
  const told = why.data?.file.path ?? path;
  const shown = told === undefined ? undefined : visible(told);
  return (
    <Page
      title={t`Why?`}
      text={
        <>
          <Trans>
            Which rule decides one file of {volume?.name ?? t`the volume`}, and what happened to it.
          </Trans>
        </>
      }
      actions={
        <>
          {why.data?.access_record && (
            <Button
              onClick={() => go(`/access/${id}`, { tab: 'live', ...(b64 ? { path_b64: b64 } : { path }) })}
            >
              <Trans>Accesses</Trans>
            </Button>
          )}
          <Button onClick={() => go(`/volumes/${id}`)}>
            <Trans>Figures</Trans>
          </Button>
          <Button onClick={() => go(`/volumes/${id}/files`)}>
            <Trans>Files</Trans>
          </Button>
        </>
      }
    >
      <Input.Search
        key={shown}
        className="mono"
        data-search=""
        aria-label={t`Path of a file`}
        placeholder="/projects/2023/film.mov  ( / )"
        defaultValue={shown}
        enterButton={t`Ask`}
        style={{ marginBottom: 16 }}
        onSearch={(p) => {
          if (!p.trim()) return;
          // What is shown may stand for bytes that nobody can type: asked again it is the same file.
          if (p === shown) void why.refetch();
          else change({ path: p.startsWith('/') ? p : `/${p}`, path_b64: undefined });
        }}
      />
      {!(path || b64) ? (
        <Card>
          <Nothing
            icon={<QuestionCircleOutlined />}
            title={t`Which file?`}
            text={t`Type its path from the volume’s root, or come here from a file, a plan or a figure.`}
            command="alto file why VOLUME PATH"
          />
        </Card>
      ) : missing ? (
        <Card>
          <Nothing
            icon={<QuestionCircleOutlined />}
            title={t`No such file is known`}
            text={t`No scan and no import has seen this path. Is it from the volume’s root, and written as on disk?`}
          />
        </Card>
      ) : why.error && !why.data ? (
        <Failed error={why.error} retry={() => void why.refetch()} />
      ) : !why.data ? (
        <Card aria-busy="true" role="status" aria-label={t`Loading`}>
          <Skeleton active />
        </Card>
      ) : (
        <Shown why={why.data} />
      )}
    </Page>
  );
}
