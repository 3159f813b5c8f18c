// The API reference works without this: it only adds copying, finding, and the right address.
for (const block of document.querySelectorAll('.try')) {
  const code = block.querySelector('code');
  code.textContent = code.textContent.replaceAll('http://localhost:7070', location.origin);
  const button = block.querySelector('button');
  button.hidden = !navigator.clipboard;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}
const find = document.getElementById('find');
find?.addEventListener('input', () => {
  const wanted = find.value.toLowerCase();
  for (const line of document.querySelectorAll('nav li')) line.hidden = !line.dataset.find.includes(wanted);
});
