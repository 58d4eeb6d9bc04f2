// whileShown keeps a view fresh while it is looked at: at once, soon after a call of
// a client, and every two seconds, for other people change things too. Where asking
// takes long, as of very many keys, it asks less often.
export function whileShown(feed, refresh) {
  let shown = false
  let timer
  let free = 0 // when it may ask again

  async function ask() {
    clearTimeout(timer)
    const began = performance.now()
    free = Infinity
    await refresh()
    free = performance.now() + 10 * (performance.now() - began)
    if (shown) plan(2000)
  }

  function plan(wait) {
    clearTimeout(timer)
    timer = setTimeout(() => document.hidden ? plan(wait) : ask(), Math.max(wait, free - performance.now()))
  }

  const soon = () => { if (free !== Infinity) plan(250) }

  return {
    show: () => {
      if (!shown) feed.addEventListener('calls', soon)
      shown = true
      return ask()
    },
    hide: () => {
      shown = false
      feed.removeEventListener('calls', soon)
      clearTimeout(timer)
    },
  }
}
