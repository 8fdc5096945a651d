// A rule as text, with the mistake underlined where it is.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert } from 'antd';
import type { Schemas } from '../api/client';
import { mark } from '../lib/ruletext';

export function RuleText({
  value = '',
  onChange,
  error,
  disabled,
  id,
}: {
  id?: string;
  value?: string;
  onChange?: (text: string) => void;
  error?: Schemas['RuleError'] | null;
  disabled?: boolean;
}) {
  const parts = error ? mark(value, error.at, error.length) : undefined;
  return (
    <>
      <div className="code">
        <pre aria-hidden="true">
          {parts ? (
            <>
              {parts.before}
              <mark>{parts.wrong}</mark>
              {parts.after}
            </>
          ) : (
            value
          )}
          {'\n'}
        </pre>
        <textarea
          id={id}
          aria-label={t`Which files`}
          aria-invalid={!!error}
          aria-describedby="rule-error"
          spellCheck={false}
          disabled={disabled}
          value={value}
          onChange={(e) => onChange?.(e.target.value)}
        />
      </div>
      <div id="rule-error" aria-live="polite">
        {error && (
          <Alert
            type="error"
            style={{ marginTop: 8 }}
            title={error.message}
            description={
              <>
                {parts && parts.wrong.trim() && (
                  <>
                    <Trans>
                      at <code className="mono">{parts.wrong}</code>;
                    </Trans>{' '}
                  </>
                )}
                {error.expected && (
                  <>
                    <Trans>
                      expected: <b>{error.expected}</b>
                    </Trans>
                  </>
                )}
              </>
            }
          />
        )}
      </div>
    </>
  );
}
