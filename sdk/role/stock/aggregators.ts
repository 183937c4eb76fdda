import type { AnyRole } from '../role.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { topAggregator } from './top-aggregator.ts'

/** The stock roles that sum contributions, by name. */
export const aggregators: Readonly<Record<string, AnyRole>> = {
  [middleAggregator.name]: middleAggregator,
  [topAggregator.name]: topAggregator,
}
