import { text } from './api.js'

let known

// endpoint is where clients reach the API, as http://127.0.0.1:8080: the page may
// have a port of its own, with --control-listen. The samples say it.
export function endpoint() {
  known ??= text('GET', 'sample?sdk=curl&operation=DescribeRegions').then(sample => sample.match(/'(https?:\/\/[^/']+)\/'/)[1]).catch(() => location.origin)
  return known
}
