import { expect, it } from 'vitest';
import { WHOLE } from './unit';

it('shows a number with separators once it is typed, and reads it again', () => {
  expect(WHOLE.formatter(50_000, { userTyping: false, input: '50000' })).toBe('50,000');
  expect(WHOLE.formatter('', { userTyping: false, input: '' })).toBe('');
  expect(WHOLE.formatter(50_00, { userTyping: true, input: '50,00' })).toBe('50,00');
  expect(WHOLE.parser('50,000')).toBe('50000');
  // Nothing typed is no limit, not a limit of none.
  expect(WHOLE.parser('')).toBe('');
});
