// Passkeys: the console's question to the browser, the browser's answer to the console.
(() => {
  "use strict";
  if (!window.PublicKeyCredential) return;
  const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const post = async (address, body, secret) => {
    const headers = { "content-type": "application/json" };
    if (secret) headers["x-csrf-token"] = secret;
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };
  const describe = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));
  const ask = (options) => navigator.credentials.get({
    publicKey: { ...options, challenge: toBytes(options.challenge), allowCredentials: describe(options.allowCredentials) },
  });
  const create = (options) => navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: describe(options.excludeCredentials),
    },
  });
  const write = (credential) => {
    const { response } = credential;
    const said = { clientDataJSON: toText(response.clientDataJSON) };
    if (response.attestationObject) {
      said.attestationObject = toText(response.attestationObject);
      said.transports = response.getTransports ? response.getTransports() : [];
    } else {
      said.authenticatorData = toText(response.authenticatorData);
      said.signature = toText(response.signature);
      if (response.userHandle) said.userHandle = toText(response.userHandle);
    }
    return { id: credential.id, rawId: credential.id, type: credential.type, response: said, clientExtensionResults: credential.getClientExtensionResults() };
  };
  const trouble = (isShown) => { for (const note of document.querySelectorAll("[data-passkey-trouble]")) note.hidden = !isShown; };

  // Signing in, or saying again who one is.
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const { passkey: address, next, secret } = button.dataset;
      button.disabled = true;
      trouble(false);
      try {
        const asked = await post(`${address}/options`, { next }, secret);
        const credential = await ask(asked.options);
        const answer = await post(address, { step: asked.step, credential: write(credential), next }, secret);
        location.assign(answer.next);
      } catch {
        trouble(true);
        button.disabled = false;
      }
    });
  }

  // Setting one up: the form is in a dialog that comes later.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-new-passkey]")) return;
    event.preventDefault();
    const button = form.querySelector(".btn-p");
    button.disabled = true;
    trouble(false);
    try {
      const secret = form.dataset.secret;
      const asked = await post("/api/v1/me/passkeys/options", {}, secret);
      const credential = await create(asked.options);
      await post("/api/v1/me/passkeys", { step: asked.step, name: form.elements.name.value, credential: write(credential) }, secret);
      location.reload();
    } catch {
      trouble(true);
      button.disabled = false;
    }
  });
})();
