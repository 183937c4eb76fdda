import test from 'ava'
import { parse } from 'yaml'
import type { Format } from './format.ts'
import { printer } from './printer.ts'
import { table } from './table.ts'

interface Item {
  readonly id: string
  readonly name?: string
  readonly size: number
}

const items: readonly Item[] = [
  { id: 'a', name: 'näme', size: 1 },
  { id: 'longer', size: 20 },
]
const listing = {
  columns: {
    ID: ({ id }: Item) => id,
    NAME: ({ name }: Item) => name,
    SIZE: ({ size }: Item) => String(size),
  },
  nameOf: ({ id }: Item) => id,
}

function printed(format: Format | undefined, print: (to: ReturnType<typeof printer>) => void): string {
  const lines: string[] = []
  print(
    printer(
      () => format,
      (text) => lines.push(text),
    ),
  )
  return lines.join('\n')
}

test('a list is a table with a header row, or what a program asks for', (t) => {
  const list = (format?: Format) => printed(format, (to) => to.list(items, listing))
  t.is(list(), 'ID      NAME  SIZE\na       näme  1\nlonger        20')
  t.is(list('table'), list())
  t.deepEqual(JSON.parse(list('json')), items)
  t.deepEqual(parse(list('yaml')), items)
  t.is(list('name'), 'a\nlonger')
})

test('an empty list is a header row alone, and nothing for programs that take names', (t) => {
  t.is(
    printed(undefined, (to) => to.list([], listing)),
    'ID  NAME  SIZE',
  )
  t.is(
    printed('json', (to) => to.list([], listing)),
    '[]',
  )
  t.is(
    printed('name', (to) => to.list([], listing)),
    '',
  )
})

test('a single thing is indented JSON by default', (t) => {
  const one = (format?: Format) => printed(format, (to) => to.one(items[0], 'a'))
  t.is(one(), JSON.stringify(items[0], undefined, 2))
  t.deepEqual(parse(one('yaml')), items[0])
  t.is(one('name'), 'a')
})

test('what was done is a sentence for people, and the thing for programs', (t) => {
  const done = (format?: Format) => printed(format, (to) => to.done('a created', { id: 'a' }, 'a'))
  t.is(done(), 'a created')
  t.deepEqual(JSON.parse(done('json')), { id: 'a' })
  t.is(done('name'), 'a')
})

test('what others wrote does not reach the terminal as control characters', (t) => {
  t.is(table(['ID'], [['\u001b[31mred\n\u007f']]), 'ID\n\\u001b[31mred\\n\\u007f')
})
