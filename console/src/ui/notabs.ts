// In place of Ant Design's tabs within cards (vite.config.ts): no card here has any.
export default function NoTabs(): never {
  throw new Error('a card with tabs');
}
