import { ReloadOutlined } from '@ant-design/icons';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Button } from 'antd';
import { ApiFailure, sayFailure } from '../api/client';

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiFailure ? error.problem : undefined;
  if (problem?.status === 403)
    return (
      <Alert
        type="warning"
        showIcon
        role="alert"
        title={t`You may not see this`}
        style={{ marginBottom: 16 }}
        description={
          <>
            {problem.detail && <div>{problem.detail}</div>}
            <Trans>Ask an administrator of your customer, or log in as somebody who may.</Trans>
            <div className="sub mono" style={{ marginTop: 4 }}>
              403 · {problem.code}
            </div>
          </>
        }
      />
    );
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={problem?.title ?? t`This could not be loaded`}
      style={{ marginBottom: 16 }}
      description={
        <>
          {sayFailure(error)}
          {problem && (
            <div className="sub mono" style={{ marginTop: 4 }}>
              {problem.status > 0 && `${problem.status} · `}
              {problem.code}
              {problem.pointer && ` · ${problem.pointer}`}
            </div>
          )}
        </>
      }
      action={
        retry && (
          <Button size="small" icon={<ReloadOutlined />} onClick={retry}>
            <Trans>Try again</Trans>
          </Button>
        )
      }
    />
  );
}
