import type { Lineage } from './registry.ts'

/** Whether something read from outside has every field of a lineage. */
export function isLineage(value: unknown): value is Lineage {
  return (
    typeof value === 'object' &&
    value !== null &&
    has(value, 'job', 'string') &&
    has(value, 'workload', 'string') &&
    has(value, 'seed', 'number') &&
    has(value, 'round', 'number') &&
    has(value, 'hash', 'string') &&
    has(value, 'metrics', 'object') &&
    (!('part' in value) || has(value, 'part', 'string')) &&
    'members' in value &&
    Array.isArray(value.members)
  )
}

function has(value: object, field: string, type: string): boolean {
  const found: unknown = new Map<string, unknown>(Object.entries(value)).get(field)
  return typeof found === type && found !== null
}
