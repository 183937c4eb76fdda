import { Document, visit } from 'yaml'

/**
 * Characters that move the cursor or colour the terminal (the controls of C0 and C1), turn the direction of what follows, or
 * begin a line.
 */
const commanding = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** What others wrote may command no terminal. */
export function printable(text: string): string {
  return text.replace(commanding, escaped)
}

/** The same for text of several lines, which stay. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** The same, where each line after the first is indented: no text can pass for a line of its own. */
export function indentedLines(text: string): string {
  return printableLines(text).replace(/\n(?! {2})/g, '\n  ')
}

/** JSON of the same value, in which all of these characters are escaped, as JSON allows. Its own line breaks stay. */
function printableJson(json: string): string {
  return json.replace(commanding, (character) => (character === '\n' ? character : unicode(character)))
}

/** Whether a text has such characters. */
function isCommanding(text: string): boolean {
  return text.search(commanding) >= 0
}

function escaped(character: string): string {
  const short = JSON.stringify(character).slice(1, -1)
  return short === character ? unicode(character) : short
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** How a command's result is written: for people, or for programs. */
export const formats = ['table', 'json', 'yaml', 'name'] as const
export type Format = (typeof formats)[number]

/** A value in JSON, in which what commands a terminal is escaped. */
export function jsonOf(value: unknown, indent = 0): string {
  return printableJson(JSON.stringify(value, undefined, indent))
}

/** A value in YAML, in which what commands a terminal is escaped: that's possible in double quotes alone. */
export function yamlOf(value: unknown): string {
  const document = new Document(value)
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && isCommanding(node.value.replaceAll('\n', ''))) node.type = 'QUOTE_DOUBLE'
    },
  })
  return printableJson(document.toString()).trimEnd()
}
