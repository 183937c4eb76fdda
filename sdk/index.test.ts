import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'

test('a program that loads the sdk does not load zod, which only readers of files need', async (t) => {
  const program = async (module: string) => {
    const load = `export const load = async (url, context, next) => {
      const loaded = await next(url, context)
      if (/"ZodString"/.test(loaded.source)) throw new Error('zod is loaded')
      return loaded
    }`
    const code = `import { register } from 'node:module'
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(load)}))
      await import(${JSON.stringify(new URL(module, import.meta.url).href)})`
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code])
  }
  await t.notThrowsAsync(program('./index.js'))
  await t.notThrowsAsync(program('./node/index.js'))
  await t.throwsAsync(program('./registry/lineage.js'), { message: /zod is loaded/ })
})
