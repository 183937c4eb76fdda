import { readFile } from 'node:fs/promises'
import test from 'ava'
import { algorithmsPage } from './algorithms-page.ts'

test('docs/algorithms.md says what the catalogue has; npm run docs writes it', async (t) => {
  t.is(await readFile('docs/algorithms.md', 'utf8'), algorithmsPage())
})
