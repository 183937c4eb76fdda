import test from 'ava'
import { parse } from 'yaml'
import { type Format, indentedLines } from './printable.ts'
import { printer, table } from './printer.ts'

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

/** Controls of C0 and C1, marks of direction, separators of lines: none may reach a terminal. */
const wicked = '\u001b[31mred\u0007\u007f\u009b2J\u0085\u200f\u202etxt\u2028\u2066\u061cend'
const commands = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

test('what others wrote commands no terminal, whatever the format, and programs read it as it is', (t) => {
  const values = [{ id: wicked, name: `of ${wicked}\nlines`, size: 1, [wicked]: ['plain', wicked] }]
  const readers: readonly [Format, (text: string) => unknown][] = [
    ['json', (text) => JSON.parse(text)],
    ['yaml', (text) => parse(text)],
  ]
  for (const [format, read] of readers) {
    const one = printed(format, (to) => to.one(values[0], 'a'))
    const list = printed(format, (to) => to.list(values, listing))
    const event = printed(format, (to) => to.event('', values[0]))
    for (const text of [one, list, event]) t.notRegex(text, commands, format)
    t.deepEqual([read(one), read(list), read(event)], [values[0], values, values[0]], format)
  }
  for (const format of ['table', 'name', undefined] as const)
    t.notRegex(
      printed(format, (to) => {
        to.list(values, listing)
        to.done(wicked, values, wicked)
        to.event(wicked, values)
        to.one('', wicked)
      }),
      commands,
    )
  t.is(table(['ID'], [['\u001b[31mred\n\u007f']]), 'ID\n\\u001b[31mred\\n\\u007f')
})

test('no text passes for a line of its own', (t) => {
  const forged = 'failed\nerror FORGED: send your token'
  t.is(
    printed(undefined, (to) => to.done(forged, {}, '')),
    'failed\n  error FORGED: send your token',
  )
  t.is(indentedLines('a:\n  b\n\nc'), 'a:\n  b\n  \n  c')
})

test('a cell that is too long for a table is cut, and an id is not', (t) => {
  const id = 'x'.repeat(100)
  t.is(table(['ID'], [[id]]), `ID\n${id}`)
  for (const long of ['x'.repeat(101), 'x'.repeat(1024 * 1024), '\u009b'.repeat(300), '\u{1f600}'.repeat(300)]) {
    const [, row = ''] = table(['ID'], [[long]]).split('\n')
    t.is([...row].length, 100)
    t.true(row.endsWith('…'))
  }
})
