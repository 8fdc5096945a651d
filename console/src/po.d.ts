// Catalogues, as the build compiles them.
declare module '*.po' {
  export const messages: import('@lingui/core').Messages;
}
