import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'

test('a program that loads the sdk does not load zod, which only readers of files need', async (t) => {
  const program = async (module: string) => {
    const resolve = `export const resolve = (name, context, next) =>
      name === 'zod' ? Promise.reject(new Error('zod is loaded')) : next(name, context)`
    const code = `import { register } from 'node:module'
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(resolve)}))
      await import(${JSON.stringify(new URL(module, import.meta.url).href)})`
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code])
  }
  await t.notThrowsAsync(program('./index.js'))
  await t.throwsAsync(program('./registry/model-files.js'), { message: /zod is loaded/ })
})
