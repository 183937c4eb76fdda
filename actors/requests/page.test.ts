import test from 'ava'
import { type PageRequest, pageOf } from './page.ts'

const megabyte = 1024 * 1024

/** Reads a list page by page, and answers with the ids of each. */
async function pagesOf(sizes: readonly number[], request: PageRequest = {}): Promise<string[][]> {
  const entries = sizes.map((bytes, index) => ({ id: String(index), text: 'x'.repeat(bytes) }))
  const pages: string[][] = []
  let after: string | undefined
  do {
    const left = after === undefined ? entries : entries.slice(Number(after) + 1)
    const page = await pageOf(
      left,
      request,
      ({ id }) => id,
      (entry) => entry,
    )
    pages.push(page.items.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  return pages
}

test('a page ends before it has more than four megabytes, and the next goes on there', async (t) => {
  t.deepEqual(await pagesOf(Array.from({ length: 5 }, () => 1.5 * megabyte)), [['0', '1'], ['2', '3'], ['4']])
})

test('what is larger than a page is a page by itself', async (t) => {
  t.deepEqual(await pagesOf([1, 9 * megabyte, 1]), [['0'], ['1'], ['2']])
})

test('a page of small items ends at their number', async (t) => {
  t.deepEqual(await pagesOf([1, 1, 1], { limit: 2 }), [['0', '1'], ['2']])
  t.deepEqual(
    (await pagesOf(Array.from({ length: 1500 }, () => 1))).map(({ length }) => length),
    [1000, 500],
  )
})
