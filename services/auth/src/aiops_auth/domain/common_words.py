"""Words that people put digits and punctuation around when a rule asks for a longer password.

They are what the lists of leaked passwords have in common: words for password, rows of keys, names of accounts,
seasons, months and days, animals, teams, heroes, first names, brands. Four letters and more, in lower case.
"""

_LISTED = """
abcabc abcd abcde abcdef abcdefg abcdefgh abcdefghi access admin adminadmin administrador administrator adminpassword
alexander alexandra amanda amazon america american andrew angel anthony apple april argentina arsenal asdf asdfg
asdfgh asdfghjkl ashley asshole audi august autumn avengers awesome azerty azertyuiop baby babygirl banana barcelona
baseball basketball batman bayern bear beatles beautiful beckham berlin bismillah bitch biteme blessed blink boston
brasil bunny business butterfly california camaro canada captain changeit changeme changemenow charlie cheese chelsea
cherry chicago chicken chocolate christmas christopher cisco coffee colombia company computer contrasena cookie cool
corvette cowboys cricket crystal dallas daniel darling debian december default defaultpassword demo demon devil
diamond docker dollar dolphin dragon drummer eagle easter elizabeth eminem england example facebook faith falcon fall
family february ferrari fire florida flower football forever fortnite freedom friday friend friends fuckme fuckyou
futbol gandalf general george ghost ginger girl gold golden golf google guest guitar halloween hamburg hannah happy
harley harrypotter heaven hello hellohello helloworld heslo hobbit hockey holiday hollywood honda honey horse hotstuff
hunter iloveu iloveyou india instagram internet iphone ironman january jedi jenkins jennifer jessica jesus jesuschrist
jordan joshua july june juventus killer king kitten kitty knight kubernetes lakers laptop letmein letmeinnow lightning
linux lion liverpool lkjhgfdsa login logon london love lovelove lovely loveme lover loveyou lucky madrid manager
manchester march maria mario martin martina marvel master masterkey matrix matthew mercedes merlin messi metallica
mexico michael michelle microsoft minecraft mnbvcxz monday money monkey moonlight moscow motdepasse muenchen music
mustang mypassword mysql naruto netflix newpassword newyork nicole ninja nirvana nissan none nopassword nothing
november ocean october office opensesame operator oracle orange pakistan panther paris parola pass passcode passphrase
passw passwd password passwords passwort patrick peaches pepper phoenix pikachu poiuytrewq pokemon porsche postgres
prince princess private puppy pussy qazwsx qazwsxedc queen qwer qwert qwerty qwertyui qwertyuiop qwertz qwertzuiop
rabbit rainbow ranger rangers realmadrid robert roblox rock rockstar ronaldo root rootroot rugby samantha sample
samsung samurai saturday schalke secret senha september server service sexy shadow shark silver skywalker slipknot
snow soccer soldier sophie spider spiderman spring star stars startrek starwars steelers storm strawberry subaru
success summer sunday sunshine superadmin superman supersecret support sweet sweetheart sysadmin system team temp
temporary tennis test tester testing testpassword testtest texas thepassword thomas thunder thursday tiger today tokyo
tomorrow toor topsecret toyota trustno tuesday turtle twitter ubuntu united user username userpassword volleyball
wachtwoord warrior wasd wednesday weekend welcome welcomehome whatever william windows winter wizard wolf wolverine
wonderwoman work yahoo yamaha yankees yoda yourpassword youtube ytrewq zelda zxcv zxcvb zxcvbn zxcvbnm
"""

COMMON_WORDS = frozenset(_LISTED.split())
