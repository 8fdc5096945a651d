import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQueryClient } from '@tanstack/react-query';
import { Button, Card, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api, ApiFailure, must, setCsrf } from '../api/client';
import { Failed } from '../ui/failed';

/** Where to go after login: only inside this console. */
export function backFrom(text: string | null): string {
  return text && /^\/(?![/\\])/.test(text) && !text.startsWith('/login') ? text : '/';
}

export default function Login() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = t`Log in · Alto`;
  }, []);
  const enter = async (values: { name: string; password: string }) => {
    setBusy(true);
    setError(undefined);
    try {
      const { user, csrf, expires_at } = await must(api.POST('/session', { body: values }));
      setCsrf(csrf);
      client.clear();
      client.setQueryData(['session'], { user, csrf, expires_at });
      void navigate(backFrom(search.get('back')), { replace: true });
    } catch (e) {
      setError(
        e instanceof ApiFailure && e.status === 401
          ? new ApiFailure({
              ...e.problem,
              title: t`Name or password is wrong`,
              detail: t`Look at both, capital letters too. The first password is in the file altod was started with.`,
            })
          : e,
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="login">
      <div>
        <div className="brand" style={{ justifyContent: 'center', fontSize: 26, marginBottom: 20 }}>
          <img src="/alto.svg" alt="" width={38} height={38} />
          <Trans>Alto</Trans>
        </div>
        <Card>
          {error ? <Failed error={error} /> : null}
          <Form
            layout="vertical"
            requiredMark={false}
            onFinish={(v: { name: string; password: string }) => void enter(v)}
          >
            <Form.Item name="name" label={t`Name`} rules={[{ required: true, message: t`Your name` }]}>
              <Input autoFocus autoComplete="username" size="large" />
            </Form.Item>
            <Form.Item
              name="password"
              label={t`Password`}
              rules={[{ required: true, message: t`Your password` }]}
            >
              <Input.Password autoComplete="current-password" size="large" />
            </Form.Item>
            <Button type="primary" htmlType="submit" block size="large" loading={busy}>
              <Trans>Log in</Trans>
            </Button>
          </Form>
        </Card>
        <p className="sub" style={{ textAlign: 'center', marginTop: 16 }}>
          <Trans>Cold files elsewhere, every file in its place.</Trans>
        </p>
      </div>
    </main>
  );
}
