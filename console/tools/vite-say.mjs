// Messages in the sources become calls with their ids; the same for development, tests and the build.
import { transformAsync } from '@babel/core';
import macro from '@lingui/babel-plugin-lingui-macro';

/** Files without a macro are not even read by Babel. */
const USES = /@lingui\/(core|react)\/macro/;

export function say() {
  return {
    name: 'alto-say',
    enforce: 'pre',
    async transform(code, id) {
      const [file] = id.split('?');
      if (!/\.tsx?$/.test(file) || id.includes('?raw') || file.includes('node_modules') || !USES.test(code))
        return undefined;
      const made = await transformAsync(code, {
        filename: file,
        babelrc: false,
        configFile: false,
        sourceMaps: true,
        parserOpts: { plugins: file.endsWith('x') ? ['typescript', 'jsx'] : ['typescript'] },
        plugins: [macro],
      });
      return { code: made.code, map: made.map };
    },
  };
}
