import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { HddOutlined } from '@ant-design/icons';
import { Button, Form, Input, Select } from 'antd';
import { useState } from 'react';
import type { Filespace } from '../api/access';
import { api, ifMatch, must, type Schemas, type Volume } from '../api/client';
import { useNamed, useVolumes } from '../api/data';
import { count } from '../lib/format';
import { useAddress, useEdited, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { FilespacePick, nameOf } from '../ui/filespaces';
import {
  Actions,
  ConfirmName,
  Failed,
  Nothing,
  Page,
  Search,
  Size,
  Split,
  State,
  To,
  When,
} from '../ui/parts';
import { NameOf, Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

const KINDS = () => [
  { value: 'posix', label: t`Linux file system` },
  { value: 'ntfs', label: t`Windows NTFS` },
  { value: 'lucidlink', label: 'LucidLink' },
];
const NAME = () => [
  { required: true, whitespace: true, max: 128, message: t`A name of at most 128 characters` },
];

/** Adds a volume, or changes what may be changed of one: its name and its share. */
function Edit({ volume, onClose }: { volume?: Volume; onClose: () => void }) {
  const who = useWho();
  const [form] = Form.useForm<Schemas['VolumeNew']>();
  const host_id = Form.useWatch('host_id', form);
  const host = useNamed('hosts', host_id, who.customer);
  const kind = Form.useWatch('kind', form) ?? 'posix';
  const path = Form.useWatch('path', form);
  const [named, setNamed] = useState<string>(); // by a choice, and not by a person
  const save = useAct(
    (v: Schemas['VolumeNew']) =>
      volume
        ? must(
            api.PATCH('/volumes/{id}', {
              params: { path: { id: volume.id }, header: ifMatch(volume) },
              body: { name: v.name, share_id: v.share_id ?? null },
            }),
          )
        : must(api.POST('/volumes', { body: v })),
    ['volumes', 'volume'],
    onClose,
    true,
  );
  const picked = (f: Filespace) => {
    const name: string = form.getFieldValue('name') ?? '';
    const to = name === '' || name === named ? nameOf(f) : undefined;
    form.setFieldsValue({ kind: 'lucidlink', path: f.path, ...(to ? { name: to } : {}) });
    if (to) setNamed(to);
    void form.validateFields(to ? ['path', 'name'] : ['path']).catch(() => undefined);
  };
  return (
    <Dialog
      open
      title={volume ? t`Edit volume` : t`Add volume`}
      okText={volume ? t`Save` : t`Add`}
      confirmLoading={save.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      {save.error && <Failed error={save.error} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={volume ? { name: volume.name, share_id: volume.share_id } : { kind: 'posix' }}
        onFinish={(v) => save.mutate(v)}
      >
        {!volume && (
          <Form.Item name="host_id" label={t`Host`} rules={[{ required: true, message: t`Where it is` }]}>
            <Pick noun="hosts" customer={who.customer} placeholder={t`Where it is`} />
          </Form.Item>
        )}
        {!volume && (
          <Form.Item name="kind" label={t`Kind`}>
            <Select options={KINDS()} />
          </Form.Item>
        )}
        {!volume && host_id && (
          <FilespacePick
            key={host_id}
            host_id={host_id}
            host={host}
            asked={kind === 'lucidlink'}
            path={path}
            onPick={picked}
          />
        )}
        <Form.Item name="name" label={t`Name`} rules={NAME()}>
          <Input placeholder="projects" autoComplete="off" />
        </Form.Item>
        {!volume && (
          <Form.Item
            name="path"
            label={t`Folder on that host`}
            rules={[{ required: true, message: t`The whole path` }]}
          >
            <Input
              className="mono"
              placeholder={kind === 'ntfs' ? 'D:\\Projects' : '/srv/projects'}
              autoComplete="off"
            />
          </Form.Item>
        )}
        <Form.Item
          name="share_id"
          label={t`Share for its cold files`}
          extra={
            volume
              ? t`Files that were moved before stay on the share they are on.`
              : t`May be chosen later; nothing is moved without one.`
          }
        >
          <Pick
            noun="shares"
            customer={volume?.customer_id ?? host?.customer_id ?? who.customer}
            allowClear
            placeholder={t`none`}
          />
        </Form.Item>
      </Form>
    </Dialog>
  );
}

export default function Volumes() {
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useVolumes(who.customer, text);
  const [edit, setEdit] = useEdited<Volume>(list.items, who.mayWrite);
  const [gone, setGone] = useState<Volume>();
  const scan = useAct(
    (id: string) => must(api.POST('/volumes/{id}/scan', { params: { path: { id } } })),
    ['jobs'],
    (job) => go(`/jobs/${job.id}`),
  );
  const reconcile = useAct(
    (id: string) => must(api.POST('/volumes/{id}/reconcile', { params: { path: { id } } })),
    ['jobs'],
    (job) => go(`/jobs/${job.id}`),
  );
  const remove = useAct(
    (v: Volume) => must(api.DELETE('/volumes/{id}', { params: { path: { id: v.id }, header: ifMatch(v) } })),
    ['volumes'],
    () => setGone(undefined),
    true,
  );
  const access = (v: Volume) =>
    v.kind === 'lucidlink' ? [{ label: t`Access`, act: () => go(`/access/${v.id}`) }] : [];
  const button = who.mayWrite && (
    <Button type="primary" onClick={() => setEdit('new')}>
      <Trans>Add volume</Trans>
    </Button>
  );
  const empty = text ? (
    <Nothing title={t`None has this name`} text={t`Try less of it.`} />
  ) : (
    <Nothing
      icon={<HddOutlined />}
      title={t`No volume yet`}
      text={t`Name a folder of an enrolled host; scanning it changes nothing.`}
      action={button}
      command="alto volume add --host HOST --path PATH --name NAME --share SHARE"
    />
  );
  return (
    <Page
      title={t`Files`}
      text={t`Volumes: folders whose cold files are moved to a share. Choose one to see its files.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search volumes`} />
          {button}
        </>
      }
    >
      <DataTable
        list={list}
        what="volumes"
        rowKey="id"
        acts={(v) => (
          <Actions
            of={v.name}
            main={
              <Button size="small" onClick={() => go(`/volumes/${v.id}/files`)}>
                <Trans>Files</Trans>
              </Button>
            }
            items={
              who.mayWrite
                ? [
                    { label: t`Figures`, act: () => go(`/volumes/${v.id}`) },
                    ...access(v),
                    { label: t`Scan now`, act: () => scan.mutate(v.id) },
                    { label: t`Reconcile stubs`, disabled: !v.share_id, act: () => reconcile.mutate(v.id) },
                    { label: t`Rules`, act: () => go('/rules', { volume: v.id }) },
                    { label: t`Import a file`, act: () => go('/imports/new', { volume: v.id }) },
                    { label: t`Edit`, act: () => setEdit(v) },
                    {
                      label: t`Delete`,
                      danger: true,
                      act: () => {
                        remove.reset();
                        setGone(v);
                      },
                    },
                  ]
                : [
                    { label: t`Figures`, act: () => go(`/volumes/${v.id}`) },
                    ...access(v),
                    { label: t`Rules`, act: () => go('/rules', { volume: v.id }) },
                  ]
            }
          />
        )}
        empty={empty}
        columns={[
          {
            title: t`Name`,
            fixed: true,
            render: (_, v) => (
              <div style={{ maxWidth: 300, whiteSpace: 'normal' }}>
                <To path={`/volumes/${v.id}/files`}>{v.name}</To>
                <div className="sub">
                  <NameOf noun="hosts" id={v.host_id} customer={who.customer} />{' '}
                  <span className="mono">{v.path}</span>
                </div>
              </div>
            ),
          },
          {
            title: t`State`,
            render: (_, v) => (
              <div>
                <State of={v.state} />
                {v.state !== 'ok' && v.state_text && (
                  <div className="sub" style={{ maxWidth: 220, whiteSpace: 'normal', marginTop: 4 }}>
                    {v.state_text}
                  </div>
                )}
                {v.way?.kind === 'archive' && (
                  <div className="sub" style={{ marginTop: 4 }}>
                    <Trans>files are archived with a placeholder</Trans>
                  </div>
                )}
              </div>
            ),
          },
          {
            title: t`Files`,
            align: 'right',
            render: (_, v) => (
              <div>
                <span className="num">{count(v.files)}</span>
                <div className="sub">
                  <Trans>
                    scanned <When at={v.last_scan_at} />
                  </Trans>
                </div>
              </div>
            ),
          },
          { title: t`Data`, width: 210, render: (_, v) => <Split total={v.bytes} tiered={v.stub_bytes} /> },
          { title: t`Freed`, align: 'right', render: (_, v) => <Size n={v.freed_bytes} /> },
        ]}
      />
      {edit && (
        <Edit
          key={edit === 'new' ? edit : edit.id}
          volume={edit === 'new' ? undefined : edit}
          onClose={() => setEdit(undefined)}
        />
      )}
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="volume"
          text={t`Alto forgets it; its files stay where they are. A volume that holds stubs cannot be deleted: recall them first.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
