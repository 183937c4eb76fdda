import { Document, visit } from 'yaml'
import { isCommanding, printableJson } from './printable.ts'

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
