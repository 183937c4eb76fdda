export { pipeRoute } from './node-pipe-route.ts'
