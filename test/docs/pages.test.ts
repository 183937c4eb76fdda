import { readFile } from 'node:fs/promises'
import test from 'ava'
import { pages } from './pages.ts'

for (const [file, page] of pages)
  test(`${file} says what the code has; npm run docs writes it`, async (t) => {
    t.is(await readFile(file, 'utf8'), await page())
  })
