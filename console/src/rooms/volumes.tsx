import { HddOutlined } from '@ant-design/icons';
import { Button, Form, Input, Modal, Select, Space } from 'antd';
import { useState } from 'react';
import { api, ifMatch, must, type Schemas, type Volume } from '../api/client';
import { useHosts, useShares, useVolumes } from '../api/data';
import { count } from '../lib/format';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { ConfirmName, DataTable, Failed, Nothing, Page, Search, Size, Split, State, To, When } from '../ui/parts';

export default function Volumes() {
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useVolumes(who.customer, text);
  const hosts = useHosts(who.customer);
  const shares = useShares(who.customer);
  const [open, setOpen] = useState(false);
  const [gone, setGone] = useState<Volume>();
  const [form] = Form.useForm<Schemas['VolumeNew']>();
  const host = Form.useWatch('host_id', form);
  const owner = hosts.items.find((h) => h.id === host)?.customer_id;
  const add = useAct((body: Schemas['VolumeNew']) => must(api.POST('/volumes', { body })), ['volumes'], () => { setOpen(false); form.resetFields(); }, true);
  const scan = useAct((id: string) => must(api.POST('/volumes/{id}/scan', { params: { path: { id } } })), ['jobs'], (job) => go(`/jobs/${job.id}`));
  const remove = useAct((v: Volume) => must(api.DELETE('/volumes/{id}', { params: { path: { id: v.id }, header: ifMatch(v) } })), ['volumes'], () => setGone(undefined), true);
  const button = who.mayWrite && <Button type="primary" onClick={() => { add.reset(); setOpen(true); }}>Add volume</Button>;
  return (
    <Page title="Volumes" text="Folders whose cold files are moved to a share." actions={<><Search value={text} onChange={(q) => change({ q })} label="Search volumes" />{button}</>}>
      <DataTable list={list} what="volumes" rowKey="id" empty={text ? <Nothing title="None has this name" text="Try less of it." /> : <Nothing icon={<HddOutlined />} title="No volume yet" text="Name a folder of an enrolled host; scanning it changes nothing." action={button} command="alto volume add --host HOST --path PATH --name NAME --share SHARE" />}
        columns={[
          { title: 'Name', fixed: true, render: (_, v) => <div><To path={`/volumes/${v.id}/files`}>{v.name}</To><div className="sub mono">{v.path}</div></div> },
          { title: 'State', render: (_, v) => <div><State of={v.state} />{v.state !== 'ok' && v.state_text && <div className="sub" style={{ maxWidth: 280, whiteSpace: 'normal', marginTop: 4 }}>{v.state_text}</div>}</div> },
          { title: 'Host', render: (_, v) => hosts.items.find((h) => h.id === v.host_id)?.name ?? '–' },
          { title: 'Files', align: 'right', render: (_, v) => <span className="num">{count(v.files)}</span> },
          { title: 'Data', width: 260, render: (_, v) => <Split total={v.bytes} tiered={v.stub_bytes} /> },
          { title: 'Freed', align: 'right', render: (_, v) => <Size n={v.freed_bytes} /> },
          { title: 'Last scan', render: (_, v) => <When at={v.last_scan_at} /> },
          { title: '', align: 'right', render: (_, v) => <Space><Button size="small" onClick={() => go(`/volumes/${v.id}/files`)}>Files</Button>{who.mayWrite && <><Button size="small" loading={scan.isPending && scan.variables === v.id} onClick={() => scan.mutate(v.id)}>Scan now</Button><Button size="small" danger onClick={() => { remove.reset(); setGone(v); }}>Delete</Button></>}</Space> },
        ]} />
      <Modal open={open} title="Add volume" okText="Add" confirmLoading={add.isPending} onOk={() => form.submit()} onCancel={() => setOpen(false)} forceRender>
        {add.error && <Failed error={add.error} />}
        <Form form={form} layout="vertical" initialValues={{ kind: 'posix' }} onFinish={(v) => add.mutate(v)}>
          <Form.Item name="host_id" label="Host" rules={[{ required: true }]}><Select placeholder="Where it is" options={hosts.items.map((h) => ({ value: h.id, label: h.name }))} /></Form.Item>
          <Form.Item name="name" label="Name" rules={[{ required: true, whitespace: true, max: 128 }]}><Input placeholder="projects" /></Form.Item>
          <Form.Item name="path" label="Folder on that host" rules={[{ required: true }]}><Input className="mono" placeholder="/srv/projects" /></Form.Item>
          <Form.Item name="kind" label="Kind"><Select options={[{ value: 'posix', label: 'Linux file system' }, { value: 'ntfs', label: 'Windows NTFS' }, { value: 'lucidlink', label: 'LucidLink' }]} /></Form.Item>
          <Form.Item name="share_id" label="Share for its cold files" extra="May be chosen later; nothing is moved without one."><Select allowClear options={shares.items.filter((s) => !owner || s.customer_id === owner).map((s) => ({ value: s.id, label: s.name }))} /></Form.Item>
        </Form>
      </Modal>
      {gone && <ConfirmName open name={gone.name} what="volume" text="Alto forgets it; its files stay where they are. A volume that holds stubs cannot be deleted: recall them first." busy={remove.isPending} error={remove.error} onOk={() => remove.mutate(gone)} onClose={() => setGone(undefined)} />}
    </Page>
  );
}
