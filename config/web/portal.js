/* Pages work without it. Texts come from data-… attributes. */
(function () {
    'use strict';
    var document = window.document;

    function each(selector, act) {
        var found = document.querySelectorAll(selector), i;
        for (i = 0; i < found.length; i++)
            act(found[i]);
    }

    /* A password that can be looked at. Hidden before it is sent, so that no browser keeps it. */
    each('input[data-show]', function (input) {
        var box = document.createElement('div'), button = document.createElement('button');

        function show(shown) {
            input.type = shown ? 'text' : 'password';
            button.textContent = input.getAttribute(shown ? 'data-hide' : 'data-show');
        }
        box.className = 'shown';
        button.type = 'button';
        button.setAttribute('aria-controls', input.id);
        button.addEventListener('click', function () { show(input.type === 'password'); });
        input.parentNode.insertBefore(box, input);
        box.appendChild(input);
        box.appendChild(button);
        show(false);
        input.form.addEventListener('submit', function () { show(false); });
    });

    /* How good a new password is. */
    each('input[data-check]', function (input) {
        var meter = document.getElementById(input.getAttribute('data-meter')), timer, asked;

        function say(text, name) {
            meter.className = 'meter ' + name;
            if (meter.textContent !== text)
                meter.textContent = text;
        }
        function take() {
            var answer;
            if (this !== asked || this.status !== 200)
                return;
            try {
                answer = JSON.parse(this.responseText);
                say(String(answer.text), answer.ok ? 'good' : 'bad');
            } catch (e) {
                say('', '');
            }
        }
        function ask() {
            var parts = [], i, field, names = ['token', 'step'];
            for (i = 0; i < names.length; i++) {
                field = input.form.elements[names[i]];
                if (field)
                    parts.push(names[i] + '=' + encodeURIComponent(field.value));
            }
            parts.push('password=' + encodeURIComponent(input.value));
            asked = new XMLHttpRequest();
            asked.open('POST', input.getAttribute('data-check'));
            asked.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
            asked.onload = take;
            asked.send(parts.join('&'));
        }
        input.addEventListener('input', function () {
            clearTimeout(timer);
            asked = null;
            if (input.value)
                timer = setTimeout(ask, 400);
            else
                say('', '');
        });
    });

    each('button[data-copy]', function (button) {
        var text = document.getElementById(button.getAttribute('data-copy'));
        if (!text || !navigator.clipboard)
            return;
        button.hidden = false;
        button.setAttribute('aria-live', 'polite');
        button.addEventListener('click', function () {
            navigator.clipboard.writeText(text.textContent.replace(/\s/g, '')).then(function () {
                button.textContent = button.getAttribute('data-done');
            });
        });
    });

    /* A second click sends nothing; who comes back may send again. */
    each('form[method="post"]', function (form) {
        var sent = false;
        function mark(now) {
            var buttons = form.querySelectorAll('button:not([type="button"])'), i;
            sent = now;
            for (i = 0; i < buttons.length; i++)
                buttons[i].setAttribute('aria-disabled', String(now));
        }
        form.addEventListener('submit', function (event) {
            if (sent)
                event.preventDefault();
            else
                mark(true);
        });
        window.addEventListener('pageshow', function () { mark(false); });
    });

    each('[role="alert"]', function (e) { e.tabIndex = -1; e.focus(); });
}());
