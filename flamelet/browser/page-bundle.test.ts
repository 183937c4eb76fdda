import test from 'ava'
import { pageBundle } from '../../bench/page.ts'

test('the bundle of a page’s flamelet has at most 80 KB, and neither zod nor a module of Node', async (t) => {
  const { gzipBytes, modules } = await pageBundle()
  t.log(`link.page: ${(gzipBytes / 1000).toFixed(1)} KB`)
  for (const [path, bytes] of modules.slice(0, 12)) t.log(`${bytes} ${path}`)
  t.true(gzipBytes <= 80_000)
  t.deepEqual(
    modules.filter(([path]) => /node_modules\/(?!(pure-rand|@noble)\/)/.test(path)),
    [],
  )
})
