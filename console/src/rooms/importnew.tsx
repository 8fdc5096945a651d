// How an import begins: whose files they are, and which list.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { InboxOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Form, Input, Radio, Upload } from 'antd';
import { useState } from 'react';
import { api, must } from '../api/client';
import { addHost, addImport } from '../api/calls';
import { bytes } from '../lib/format';
import { useAddress, useGo, useWho } from '../lib/session';
import { startUpload } from '../lib/uploads';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Failed } from '../ui/parts';
import { Pick } from '../ui/pick';

/** A volume of a host that has no agent yet: both are noted, so that a list of its files can be read in. */
function NewVolume({ onMade, onClose }: { onMade: (id: string) => void; onClose: () => void }) {
  const who = useWho();
  interface Values {
    where: 'new' | 'known';
    customer_id?: string;
    host_name?: string;
    os: 'linux' | 'windows';
    host_id?: string;
    name: string;
    path: string;
  }
  const [form] = Form.useForm<Values>();
  const where = Form.useWatch('where', form) ?? 'new';
  const os = Form.useWatch('os', form) ?? 'linux';
  const [made, setMade] = useState<{ name: string; id: string }>();
  const save = useAct(
    async (v: Values) => {
      let host = v.host_id;
      if (v.where === 'new') {
        // A volume that is refused must not leave a second host behind when it is tried again.
        const one =
          made?.name === v.host_name
            ? made!
            : await addHost({
                customer_id: who.operator ? v.customer_id : undefined,
                name: v.host_name!,
                os: v.os,
              });
        setMade({ name: v.host_name!, id: one.id });
        host = one.id;
      }
      return must(
        api.POST('/volumes', {
          body: {
            host_id: host!,
            name: v.name,
            path: v.path,
            kind: v.where === 'new' && v.os === 'windows' ? 'ntfs' : 'posix',
          },
        }),
      );
    },
    ['volumes', 'hosts'],
    (volume) => onMade(volume.id),
    true,
  );
  const needed = (message: string) => [{ required: true, whitespace: true, max: 128, message }];
  return (
    <Dialog
      open
      title={t`A volume to import into`}
      okText={t`Add`}
      confirmLoading={save.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      {save.error && <Failed error={save.error} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={{ where: 'new', os: 'linux', customer_id: who.customer }}
        onFinish={(v) => save.mutate(v)}
      >
        <Form.Item name="where" label={t`Its files are on`}>
          <Radio.Group
            options={[
              { value: 'new', label: t`a host without an agent` },
              { value: 'known', label: t`a host that is here` },
            ]}
          />
        </Form.Item>
        {where === 'new' ? (
          <>
            {who.operator && (
              <Form.Item
                name="customer_id"
                label={t`Customer`}
                rules={[{ required: true, message: t`Whose host it is` }]}
              >
                <Pick noun="customers" placeholder={t`Whose?`} />
              </Form.Item>
            )}
            <Form.Item
              name="host_name"
              label={t`Name of the host`}
              rules={needed(t`As it calls itself`)}
              extra={t`An agent that enrols under this name later takes it over, with all that was imported.`}
            >
              <Input placeholder="fileserver-01" autoComplete="off" />
            </Form.Item>
            <Form.Item name="os" label={t`System`}>
              <Radio.Group
                options={[
                  { value: 'linux', label: 'Linux' },
                  { value: 'windows', label: 'Windows' },
                ]}
              />
            </Form.Item>
          </>
        ) : (
          <Form.Item name="host_id" label={t`Host`} rules={[{ required: true, message: t`Where it is` }]}>
            <Pick noun="hosts" customer={who.customer} placeholder={t`Where it is`} />
          </Form.Item>
        )}
        <Form.Item
          name="name"
          label={t`Name of the volume`}
          rules={needed(t`A name of at most 128 characters`)}
        >
          <Input placeholder="projects" autoComplete="off" />
        </Form.Item>
        <Form.Item
          name="path"
          label={t`Folder on that host`}
          rules={[{ required: true, message: t`The whole path` }]}
        >
          <Input
            className="mono"
            placeholder={where === 'new' && os === 'windows' ? 'D:\\Projects' : '/srv/projects'}
            autoComplete="off"
          />
        </Form.Item>
      </Form>
    </Dialog>
  );
}

export function Drop({
  onFile,
  text,
  sub,
}: {
  onFile: (file: File) => void;
  text: string;
  sub: React.ReactNode;
}) {
  return (
    <Upload.Dragger
      beforeUpload={(file) => {
        onFile(file);
        return false;
      }}
      showUploadList={false}
      maxCount={1}
      accept=".csv,.tsv,.txt,.parquet,.gz,.zst"
    >
      <p style={{ fontSize: 34, margin: 0, opacity: 0.55 }} aria-hidden="true">
        <InboxOutlined />
      </p>
      <p style={{ margin: '4px 0', fontWeight: 600 }}>{text}</p>
      <p className="sub" style={{ margin: 0 }}>
        {sub}
      </p>
    </Upload.Dragger>
  );
}

export function Start() {
  const who = useWho();
  const go = useGo();
  const client = useQueryClient();
  const [search, change] = useAddress();
  const volume = search.get('volume') ?? undefined;
  const [file, setFile] = useState<File>();
  const [adding, setAdding] = useState(false);
  const begin = useAct(
    (f: File) => addImport(volume!, { name: f.name, size: f.size }),
    ['imports'],
    (made, f) => {
      client.setQueryData(['import', made.id], made);
      startUpload(f, made, (last) => {
        client.setQueryData(['import', last.id], last);
        void client.invalidateQueries({ queryKey: ['imports'] });
      });
      go(`/imports/${made.id}`);
    },
    true,
  );
  if (!who.mayWrite)
    return (
      <Alert
        type="info"
        showIcon
        title={t`Only an administrator imports files`}
        description={t`You may look at what was imported.`}
      />
    );
  return (
    <Card>
      {begin.error && <Failed error={begin.error} />}
      <h2 className="step">
        <Trans>1. Whose files are they?</Trans>
      </h2>
      <div className="bar">
        <Pick
          noun="volumes"
          customer={who.customer}
          label={t`Volume`}
          placeholder={t`Of which volume?`}
          style={{ minWidth: 240 }}
          value={volume}
          onChange={(v) => change({ volume: v })}
        />
        <Button onClick={() => setAdding(true)}>
          <Trans>Add a volume</Trans>
        </Button>
        <span className="sub">
          <Trans>Its host needs no agent for this.</Trans>
        </span>
      </div>
      <h2 className="step">
        <Trans>2. Which list?</Trans>
      </h2>
      <Drop
        text={file ? file.name : t`Drop a file here, or choose one`}
        sub={
          file ? (
            <>
              <Trans>{bytes(file.size)}. Choose another by clicking.</Trans>
            </>
          ) : (
            t`CSV or Parquet, also .gz and .zst: of find -printf, PowerShell Export-Csv, TreeSize, WinDirStat, or of Alto. Columns are recognised; you see them before anything is imported.`
          )
        }
        onFile={setFile}
      />
      {file?.size === 0 && (
        <div className="sub wrong">
          <Trans>This file is empty.</Trans>
        </div>
      )}
      <div className="bar" style={{ margin: '16px 0 0' }}>
        <Button
          type="primary"
          disabled={!volume || !file || file.size === 0}
          loading={begin.isPending}
          onClick={() => file && begin.mutate(file)}
        >
          {file ? t`Upload ${bytes(file.size)}` : t`Upload`}
        </Button>
        <span className="sub">
          <Trans>Nothing is imported by uploading.</Trans>
        </span>
      </div>
      {adding && (
        <NewVolume
          onMade={(id) => {
            setAdding(false);
            change({ volume: id });
          }}
          onClose={() => setAdding(false)}
        />
      )}
    </Card>
  );
}
